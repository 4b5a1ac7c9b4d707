"""The resource tree: the root, ``/api``, and one resource for each Klein app below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from attrs import frozen
from klein import Klein
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from cloudsvc.core.errors import StartFault
from cloudsvc.web.errors import HTTPError, method_not_allowed, not_found
from cloudsvc.web.operations import Handler, operation_of
from cloudsvc.web.request import Request
from cloudsvc.web.responses import HeaderList

PREFIX = "/api"

_REMEMBERED = 512
"""Matches of paths with methods that one application remembers."""

VARIABLE = re.compile(r"<(?:(?P<converter>\w+)(?:\([^<>]*\))?:)?(?P<name>\w+)>")
"""A variable in a pattern of Werkzeug's, such as ``<path:name>``."""


class Missing(Resource):
    """Where nothing is."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        """:raises HTTPError: always."""
        raise not_found()


@frozen(kw_only=True)
class Tree:
    """
    What answers which path.

    :ivar mounts: below ``/api``, by the first segment.
    :ivar others: answers everything outside ``/api``.
    """

    mounts: Mapping[str, IResource]
    others: IResource

    def find(self, segments: Sequence[str]) -> IResource:
        """
        The resource that answers the path of these ``segments``.

        :raises HTTPError: 404.
        """
        if segments[0] != "api":
            return self.others
        resource = self.mounts.get(segments[1]) if len(segments) > 1 else None
        if resource is None:
            raise not_found()
        return resource


def path_template(pattern: str) -> str:
    """A Werkzeug pattern with the prefix, in OpenAPI's notation: ``/api/files/{path}``."""
    return PREFIX + VARIABLE.sub(r"{\g<name>}", pattern)


def find_duplicates(app: Klein) -> Iterator[str]:
    """
    What to say of routes of ``app`` with the same method and paths that differ at most in their variables.

    Werkzeug serves only one of them at some paths or at all, and to OpenAPI they are the same (3.1, section 4.8.8).
    """
    known: dict[tuple[str, str], str] = {}
    for rule in app.url_map.iter_rules():
        for method in operation_of(app.endpoints[rule.endpoint]).methods:
            other = known.setdefault((method, VARIABLE.sub("{}", rule.rule)), rule.endpoint)
            if other != rule.endpoint:
                where = f"{method} {path_template(rule.rule)}"
                yield f"its routes {other!r} and {rule.endpoint!r} both answer {where}: give one another path"


class Routed(Protocol):
    """Something with routes."""

    @property
    def app(self) -> Klein:
        """Where its routes are registered."""
        ...


class RouteResource(Resource):
    """
    The routes of one application.

    Klein's own resource binds its map and makes half a dozen Deferreds for each request. This one asks the same map,
    bound once, and makes a Deferred only for a handler that waits; errors and answers take the one way that all take.
    """

    isLeaf = True

    def __init__(self, application: Routed) -> None:
        super().__init__()
        self._application = application
        url_map = application.app.url_map
        # An empty segment is a name like any other, and a redirect must not name a scheme or a host.
        url_map.merge_slashes = False
        self._map = url_map.bind("")
        # Matching is a pure function of the two, so remembering its results cannot disagree with it.
        self._match = lru_cache(_REMEMBERED)(self._ask_map)
        self._routes = {rule.endpoint: self._know(rule.endpoint, rule.rule) for rule in url_map.iter_rules()}

    def render(self, request: Request) -> int:
        """Match, and let the handler answer."""
        try:
            endpoint, variables = self._match(request.segments, request.method)
        except RequestRedirect as redirect:
            raise HTTPError(
                308, "moved", "The path is written differently.", _relocate(redirect, request.uri)
            ) from None
        except MethodNotAllowed as problem:
            raise method_not_allowed(problem.valid_methods or ()) from None
        except NotFound:
            raise not_found() from None
        handler, request.pattern, status = self._routes[endpoint]
        request.run(handler(self._application, request, **variables), status)
        return NOT_DONE_YET

    def _ask_map(self, segments: tuple[str, ...], method: bytes) -> tuple[str, Mapping[str, Any]]:
        # Werkzeug takes a method in whatever case, which would make PUT of put (RFC 9110 section 9.1).
        return self._map.match("/" + "/".join(segments[1:]), method.decode("ascii") if method.isupper() else "-")

    def _know(self, endpoint: str, pattern: str) -> tuple[Handler, str, int]:
        operation = operation_of(self._application.app.endpoints[endpoint])
        if operation.source is None:
            raise StartFault([f"the route {PREFIX}{pattern} is not made with cloudsvc.extend.route"])
        return operation.source, path_template(pattern), operation.status


def _relocate(redirect: RequestRedirect, target: bytes) -> HeaderList:
    _, _, path = redirect.new_url.partition("//")
    _, _, path = path.partition("/")
    _, mark, query = target.partition(b"?")
    return ((b"Location", f"{PREFIX}/{path}".encode("ascii") + mark + query),)
