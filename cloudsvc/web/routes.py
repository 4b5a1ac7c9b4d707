"""Decorators that make a method of an application a route, and that parse what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from inspect import cleandoc
from types import MappingProxyType
from typing import Any

from klein import Klein

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.http1.body import Body
from cloudsvc.web.http1.request import Request
from cloudsvc.web.json_bodies import parse_json
from cloudsvc.web.operations import H, HeaderField, note
from cloudsvc.web.policies import policies_of
from cloudsvc.web.queries import parse_query

_NOTHING_BYTES = 64
"""A body that says nothing is no longer than this."""


def route(
    app: Klein,
    methods: str | Sequence[str],
    path: str,
    *,
    status: int = 200,
    headers: Mapping[str, str | HeaderField] = MappingProxyType({}),
    produces: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    response_headers: Mapping[int, Mapping[str, str]] = MappingProxyType({}),
    answers: Mapping[int, str] = MappingProxyType({}),
    errors: Mapping[int, str] = MappingProxyType({}),
    links: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    hidden: bool = False,
) -> Callable[[H], H]:
    """
    Make a coroutine method a route of ``app``.

    The method's docstring becomes the documentation, its return annotation the schema of the answer.

    :param methods: every method it answers; others get 405.
    :param path: Werkzeug's notation, such as ``/notes/<string:name>``. Below a mount without a slash it is preceded by
        ``/api``.
    :param status: of the successful answer.
    :param headers: names of header fields of requests that it honours, and what for.
    :param produces: media type -> OpenAPI schema, where the answer is a :class:`Response` rather than a message.
    :param response_headers: names of header fields of its answers by status, and what they say; those that only some
        answers of a status have, too.
    :param answers: further statuses that it returns a :class:`Reply` or :class:`Response` with, and when.
    :param errors: statuses of the errors that it raises itself, and when.
    :param links: names of routes of the same application that go on from the answer, and for each where its parameters
        come from, as OpenAPI writes it: ``$response.body#/id``.
    :raises ValueError: another route of ``app`` has the same name; Klein would silently serve one for both.
    """
    names = (methods,) if isinstance(methods, str) else tuple(methods)

    def register(handler: H) -> H:
        endpoint = handler.__name__
        if endpoint in app.endpoints:
            raise ValueError(f"two routes of one application are named {endpoint!r}: rename one")
        summary, _, description = cleandoc(handler.__doc__ or "").partition("\n\n")
        note(
            handler,
            name=endpoint,
            source=handler,
            path=path,
            methods=names,
            status=status,
            summary=summary.replace("\n", " ").rstrip("."),
            description=description,
            headers=headers,
            produces=produces,
            response_headers=response_headers,
            answers=answers,
            errors=errors,
            links=links,
            hidden=hidden,
        )
        app.route(path, methods=names, endpoint=endpoint)(handler)  # type: ignore[type-var]  # Klein knows no answers of ours
        return handler

    return register


def accepts_json(kind: type[Any], *, limit: int | None = None, any_type: bool = False) -> Callable[[H], H]:
    """
    Parse the body as JSON into ``kind`` and pass it as ``body``.

    Put it below the guards, so that the body of a refused request is not even read.

    :param limit: bytes; without it the setting ``http.body_bytes`` rules.
    :param any_type: whether the body is read as JSON whatever its ``Content-Type`` says, as curl's ``-d`` needs. Only
        for routes behind ``@authorized``: a page of another site can send such a request, and is refused there where a
        cookie speaks for the client.
    """

    def decorate(handler: H) -> H:
        @wraps(handler)
        async def parsed(self: object, request: Request, **arguments: Any) -> Any:
            if not any_type:
                _require_json(request)
            content = await request.body.read_whole(policies_of(request).body_bytes if limit is None else limit)
            return await handler(self, request, body=parse_json(content, kind), **arguments)

        return note(parsed, body=kind)  # type: ignore[return-value]  # wraps keeps the signature but for `body`

    return decorate


def accepts_query(kind: type[Any], *, ignore_unknown: bool = False) -> Callable[[H], H]:
    """
    Parse the query component into ``kind``, strictly and with all faults listed, and pass it as ``query``.

    :param ignore_unknown: whether other names mean nothing, as where clients write ``?v=1`` to get past a cache.
    """

    parse = partial(parse_query, kind=kind, ignore_unknown=ignore_unknown)

    def decorate(handler: H) -> H:
        @wraps(handler)
        async def parsed(self: object, request: Request, **arguments: Any) -> Any:
            return await handler(self, request, query=parse(request.uri), **arguments)

        return note(parsed, query=kind)  # type: ignore[return-value]  # wraps keeps the signature but for `query`

    return decorate


def accepts_body(*media: str, limit: int, schema: Mapping[str, Any] = MappingProxyType({})) -> Callable[[H], H]:
    """
    Let the method read ``request.body`` itself, up to ``limit`` bytes.

    :param media: types of the body, for the documentation; without any, ``application/octet-stream``.
    :param schema: of the body as OpenAPI describes it, likewise; without one, bytes.
    """

    def decorate(handler: H) -> H:
        @wraps(handler)
        async def bounded(self: object, request: Request, **arguments: Any) -> Any:
            request.body.bound(limit)
            return await handler(self, request, **arguments)

        body_media = media or ("application/octet-stream",)
        return note(bounded, body_media=body_media, body_schema=schema)  # type: ignore[return-value]  # as above

    return decorate


def accepts_no_body(handler: H) -> H:
    """
    Refuse a body rather than leave out what it asks for.

    One that says nothing, white space or an empty JSON object, is let through: some clients send it with every request.
    """

    @wraps(handler)
    async def bare(self: object, request: Request, **arguments: Any) -> Any:
        if request.body.length != 0 and not await _says_nothing(request.body):
            raise CloudError(Kind.INVALID, "unexpected_body", "This takes no body: leave it out.")
        return await handler(self, request, **arguments)

    return bare  # type: ignore[return-value]  # as above


async def _says_nothing(body: Body) -> bool:
    if body.length is not None and body.length > _NOTHING_BYTES:
        return False
    content = b""
    while piece := await body.read():
        content += piece
        if len(content) > _NOTHING_BYTES:
            return False
    return b"".join(content.split()) in {b"", b"{}"}


def _require_json(request: Request) -> None:
    media = (request.getHeader(b"content-type") or b"").partition(b";")[0].strip().lower()
    if media not in {b"", b"application/json"}:
        raise HTTPError(415, "not_json", "The body's Content-Type must be application/json.")
