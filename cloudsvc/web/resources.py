"""The resource tree: the root, ``/api``, and one resource for each Klein app below it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from cloudsvc.web.errors import HTTPError
from cloudsvc.web.operations import Operation, operation_of
from cloudsvc.web.request import Request, method_not_allowed
from cloudsvc.web.responses import Message, Reply, Response

PREFIX = "/api"

VARIABLE = re.compile(r"<(?:(?P<converter>\w+)(?:\([^<>]*\))?:)?(?P<name>\w+)>")
"""A variable in a pattern of Werkzeug's, such as ``<path:name>``."""


def not_found() -> HTTPError:
    """Nothing is at this path (RFC 9110 section 15.5.5)."""
    return HTTPError(404, "not_found", "There is nothing at this path.")


class Missing(Resource):
    """Where nothing is."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        """:raises HTTPError: always."""
        raise not_found()


class Branch(Resource):
    """A resource with fixed children, and one more for every other path."""

    def __init__(self, children: Mapping[str, IResource], otherwise: IResource) -> None:
        super().__init__()
        for name, child in children.items():
            self.putChild(name.encode(), child)
        self._otherwise = otherwise

    def getChild(self, path: bytes, request: Any) -> IResource:
        """What answers a path that no child has. It sees that path whole."""
        request.prepath.pop()
        request.postpath.insert(0, path)
        return self._otherwise

    def render(self, request: Any) -> bytes:
        """:raises HTTPError: there is nothing at the branch itself."""
        raise not_found()


def path_template(pattern: str) -> str:
    """A Werkzeug pattern with the prefix, in OpenAPI's notation: ``/api/files/{path}``."""
    return PREFIX + VARIABLE.sub(r"{\g<name>}", pattern)


class RouteResource(Resource):
    """
    The routes of one Klein app.

    Klein's own resource makes half a dozen Deferreds and binds its map for each request. This one asks the same map
    and runs the same endpoint, with one Deferred; errors and answers take the one way that all of ours take.
    """

    isLeaf = True

    def __init__(self, app: Klein) -> None:
        super().__init__()
        self._app = app
        url_map = app.url_map
        # An empty segment is a name like any other, and a redirect must not name a scheme or a host.
        url_map.merge_slashes = False
        self._routes = url_map.bind("")
        self._known: dict[str, tuple[str, Operation]] = {
            rule.endpoint: (path_template(rule.rule), operation_of(app.endpoints[rule.endpoint]))
            for rule in url_map.iter_rules()
        }

    def render(self, request: Request) -> int:
        """Match, run the endpoint, answer."""
        try:
            rule, variables = self._routes.match(
                "/" + "/".join(request.segments[1:]), request.method.decode("ascii"), return_rule=True
            )
        except RequestRedirect as redirect:
            raise HTTPError(308, "moved", "The path is written differently.", _relative_location(redirect)) from None
        except MethodNotAllowed as problem:
            raise method_not_allowed(problem.valid_methods or ()) from None
        except NotFound:
            raise not_found() from None
        request.pattern, operation = self._known[rule.endpoint]
        answer: Deferred[Any] = self._app.execute_endpoint(rule.endpoint, request, **variables)  # type: ignore[assignment]  # Klein makes a Deferred of every coroutine
        answer.addCallback(self._answer, request, operation.status)
        request.run(answer)
        return NOT_DONE_YET

    @staticmethod
    def _answer(value: object, request: Request, status: int) -> Response:
        if isinstance(value, Message):
            return request.site.codec.render(value, status=status)
        if isinstance(value, Reply):
            return request.site.codec.render(value.message, status=value.status, headers=value.headers)
        if isinstance(value, Response):
            return value
        raise TypeError(f"the handler of {request.pattern} returned {type(value).__name__}, not a Message or Response")


def _relative_location(redirect: RequestRedirect) -> tuple[tuple[bytes, bytes], ...]:
    _, _, path = redirect.new_url.partition("//")
    _, _, path = path.partition("/")
    return ((b"Location", f"{PREFIX}/{path}".encode("ascii")),)
