"""Route metadata, of which OpenAPI is made: guards, parameters, answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar

from attrs import evolve, frozen

from cloudsvc.web.responses import Message, Reply, Response, StreamedMessage

Handler: TypeAlias = Callable[..., Coroutine[Any, Any, Message | Reply[Any] | StreamedMessage[Any] | Response]]
"""A coroutine method ``(self, request, *, …)`` of an application, guarded or not."""

H = TypeVar("H", bound=Handler)

_ATTRIBUTE: Final = "__operation__"


@frozen(kw_only=True)
class HeaderField:
    """
    A header field of requests that not every text will do for.

    :ivar text: what it is for.
    :ivar schema: of its value, as OpenAPI describes it.
    """

    text: str
    schema: Mapping[str, Any]


@frozen(kw_only=True)
class Operation:
    """
    The description of one route.

    :ivar name: of the handler, unique in its application.
    :ivar source: the handler with its guards; its return annotation says what it answers.
    :ivar path: the pattern as it was registered, in Werkzeug's notation.
    :ivar methods: in capitals; ``GET`` brings ``HEAD`` along.
    :ivar status: of the successful answer.
    :ivar summary: one line for the documentation.
    :ivar description: more, in Markdown.
    :ivar scope: what the actor needs; ``None`` for a route without ``@authorized``, ``""`` for any valid key.
    :ivar throttle: the throttling class, or ``None``.
    :ivar body: the type of the JSON body, or ``None``.
    :ivar body_media: media types of a body that is read raw.
    :ivar body_schema: of such a body as OpenAPI describes it; empty where it is bytes.
    :ivar query: the type of the query, or ``None``.
    :ivar headers: names of header fields that it honours, and what for; any text where no :class:`HeaderField` says
        more.
    :ivar produces: media types of an answer that is not a message, with their OpenAPI schemas.
    :ivar response_headers: names of header fields of answers by status, and what they say.
    :ivar answers: further statuses that the handler returns an answer of the same kind with, and when.
    :ivar errors: statuses of the errors that the handler itself raises, and when.
    :ivar links: names of handlers of the same application that go on from the successful answer, and for each the
        runtime expressions (OpenAPI 3.1, Link Object) of its parameters.
    :ivar hidden: left out of the documentation.
    """

    name: str = ""
    source: Handler | None = None
    path: str = ""
    methods: tuple[str, ...] = ()
    status: int = 200
    summary: str = ""
    description: str = ""
    scope: str | None = None
    throttle: str | None = None
    body: type[Any] | None = None
    body_media: tuple[str, ...] = ()
    body_schema: Mapping[str, Any] = MappingProxyType({})
    query: type[Any] | None = None
    headers: Mapping[str, str | HeaderField] = MappingProxyType({})
    produces: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    response_headers: Mapping[int, Mapping[str, str]] = MappingProxyType({})
    answers: Mapping[int, str] = MappingProxyType({})
    errors: Mapping[int, str] = MappingProxyType({})
    links: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    hidden: bool = False


def operation_of(handler: object) -> Operation:
    """What the decorators of ``handler`` have noted so far."""
    operation: Operation = getattr(handler, _ATTRIBUTE, Operation())
    return operation


def note(handler: H, **changes: Any) -> H:
    """Note something about ``handler``, and return it. :func:`functools.wraps` hands notes on to a wrapper."""
    setattr(handler, _ATTRIBUTE, evolve(operation_of(handler), **changes))
    return handler
