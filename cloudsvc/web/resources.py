"""Resource tree: what answers which path, and the routes of one application as a resource."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen
from twisted.web.error import UnsupportedMethod
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from cloudsvc.web.errors import HTTPError, not_found
from cloudsvc.web.http1.request import ErrorRenderer, Request
from cloudsvc.web.mounts import API, VARIABLE, Routes, locate_mount, make_map, path_template
from cloudsvc.web.operations import operation_of
from cloudsvc.web.policies import policies_of
from cloudsvc.web.recording import recorded
from cloudsvc.web.responses import HeaderList

_Asked: TypeAlias = tuple[tuple[str, ...], bytes]
"""The segments of a path, and a method."""

_Match: TypeAlias = tuple[str, Mapping[str, Any]]
"""The name of a route, and its variables."""

_Found: TypeAlias = tuple[Callable[..., Any], str, int]
"""A handler bound to the object that has it, its path as OpenAPI writes it, and the status of its answers."""


class Missing(Resource):
    """Where nothing is."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        """:raises HTTPError: always."""
        raise not_found()


class Signpost(Resource):
    """
    Where nothing is but the way to something: the root leads to ``location``, which is relative so that it is right
    behind a proxy that puts another path before it (RFC 9110 section 10.2.2).
    """

    isLeaf = True

    def __init__(self, location: bytes) -> None:
        super().__init__()
        self._location = location

    def render(self, request: Request) -> bytes:
        """:raises HTTPError: always: 302 at the root."""
        if request.segments != ("",):
            raise not_found()
        if request.method not in {b"GET", b"HEAD"}:
            raise UnsupportedMethod([b"GET", b"HEAD"])
        text = f"Here is nothing but an API, and its documentation is at {self._location.decode()}."
        raise HTTPError(302, "found", text, ((b"Location", self._location),))


@frozen(kw_only=True)
class Tree:
    """
    What answers which path.

    :ivar mounts: by the segments that the paths of each begin with; see :func:`cloudsvc.web.mounts.locate_mount`.
    :ivar others: answers everything else outside ``/api``.
    :ivar known: the segments of each path that a route without variables has.
    """

    mounts: Mapping[tuple[str, ...], IResource]
    others: IResource
    known: Mapping[bytes, tuple[str, ...]] = field(init=False)
    _lengths: Sequence[int] = field(init=False)

    @known.default
    def _list_paths(self) -> dict[bytes, tuple[str, ...]]:
        resources = [each for each in self.mounts.values() if isinstance(each, RouteResource | RoutesBeforeOthers)]
        return {"/".join(("", *path)).encode(): path for each in resources for path in each.paths}

    @_lengths.default
    def _list_lengths(self) -> list[int]:
        return sorted({len(mount) for mount in self.mounts if mount[:1] != (API,)}, reverse=True)

    def find(self, segments: tuple[str, ...]) -> IResource:
        """
        The resource that answers the path of these ``segments``: that of the longest mount which they begin with.

        :raises HTTPError: 404.
        """
        if segments[0] == API:
            resource = self.mounts.get(segments[:2])
            if resource is None:
                raise not_found()
            return resource
        for length in self._lengths:
            resource = self.mounts.get(segments[:length])
            if resource is not None:
                return resource
        return self.others


class RouteResource(Resource):
    """
    The routes of one application.

    Klein's own resource binds its map and makes half a dozen Deferreds for each request. This one asks one map of all
    its routes, bound once, and makes a Deferred only for a handler that waits; errors and answers take the one way that
    all take.

    :param kinds: the classes whose objects have routes; :meth:`serve` takes the objects before the first request.
    :param mounts: of the application; each route is below one of them.
    :raises OperatorError: a route is not made with ``cloudsvc.extend.route``, or lies below no mount.
    """

    isLeaf = True

    def __init__(self, kinds: Sequence[type[Routes]], mounts: Sequence[str]) -> None:
        super().__init__()
        self._kinds = kinds
        self._map = make_map(kinds, mounts).bind("")
        self._fixed = dict(self._match_fixed())
        self._paths = {rule.endpoint: path_template(rule.rule) for rule in self._map.map.iter_rules()}
        self._found: Mapping[str, _Found] = {}
        self._error_renderer: ErrorRenderer | None = None

    @property
    def paths(self) -> set[tuple[str, ...]]:
        """The segments of all paths without variables."""
        return {segments for segments, _ in self._fixed}

    def serve(self, objects: Sequence[Routes], error_renderer: ErrorRenderer | None = None) -> None:
        """
        Let ``objects`` answer from now on, one of each kind.

        :param error_renderer: reports whatever goes wrong with requests below the mounts; without one, the site's.
        :raises ValueError: one is missing.
        """
        found: dict[str, _Found] = {}
        for kind in self._kinds:
            its = next((each for each in objects if isinstance(each, kind)), None)
            if its is None:
                raise ValueError(f"no object was made for the routes of {kind.__name__}")
            for endpoint, executor in kind.app.endpoints.items():
                operation = operation_of(executor)
                bound = operation.source.__get__(its)  # type: ignore[union-attr]  # make_map has seen to it
                found[endpoint] = bound, self._paths[endpoint], operation.status
        self._found = found
        self._error_renderer = error_renderer

    def render(self, request: Request) -> int:
        """
        Let the route of the request answer.

        :raises HTTPError: 404, there is none.
        """
        if not self.answer(request):
            raise not_found()
        return NOT_DONE_YET

    def answer(self, request: Request) -> bool:
        """
        Let the route of the request answer, if there is one of its path.

        :raises HTTPError: 308, there is one at the same path with a slash at its end.
        :raises UnsupportedMethod: it takes other methods.
        """
        request.error_renderer = self._error_renderer
        try:
            found = self._fixed.get((request.segments, request.method))
            endpoint, variables = found or self._ask_map(request.segments, request.method)
        except RequestRedirect as redirect:
            raise HTTPError(
                308, "moved", "The path is written differently.", _relocate(redirect, request.uri)
            ) from None
        except MethodNotAllowed as problem:
            raise UnsupportedMethod(problem.valid_methods or ()) from None
        except NotFound:
            return False
        handler, request.pattern, status = self._found[endpoint]
        work, recorder = handler(request, **variables), policies_of(request).recorder
        request.run(work if recorder is None else recorded(request, work, status, recorder), status)
        return True

    def _ask_map(self, segments: tuple[str, ...], method: bytes) -> _Match:
        # Werkzeug takes all slashes at the beginning for one, which would make /x of //x: another path (RFC 3986
        # section 3.3), which what stands before this server may treat otherwise.
        if not segments[0] and len(segments) > 1:
            raise NotFound
        # Werkzeug takes a method in whatever case, which would make PUT of put (RFC 9110 section 9.1).
        return self._map.match("/" + "/".join(segments), method.decode("ascii") if method.isupper() else "-")

    def _match_fixed(self) -> Iterator[tuple[_Asked, _Match]]:
        """
        What the map says to every path without variables. It is known before anybody asks, so it takes no memory that
        grows with what clients send, and it is right since the map itself has been asked.
        """
        for rule in self._map.map.iter_rules():
            if VARIABLE.search(rule.rule) is None:
                segments = tuple(rule.rule.removeprefix("/").split("/"))
                for method in map(str.encode, rule.methods or ()):
                    yield (segments, method), self._ask_map(segments, method)


class RoutesBeforeOthers(Resource):
    """
    An application at ``/``: its routes answer their paths, and everything else is for what is there without it, such as
    the files of a directory.
    """

    isLeaf = True

    def __init__(self, routes: RouteResource, others: IResource) -> None:
        super().__init__()
        self._routes = routes
        self._others = others

    @property
    def paths(self) -> set[tuple[str, ...]]:
        """The segments of all paths without variables that its routes have."""
        return self._routes.paths

    def render(self, request: Request) -> Any:
        """Let the route of the request answer, or the others where there is none."""
        if self._routes.answer(request):
            return NOT_DONE_YET
        request.error_renderer = None
        return self._others.render(request)


def plant(applications: Mapping[RouteResource, Sequence[str]], others: IResource) -> Tree:
    """The tree of ``applications`` with their mounts, and of ``others`` for what none of them answers."""
    mounts: dict[tuple[str, ...], IResource] = {}
    for resource, names in applications.items():
        for name in names:
            place = locate_mount(name)
            mounts[place] = resource if place else RoutesBeforeOthers(resource, others)
    return Tree(mounts=mounts, others=others)


def _relocate(redirect: RequestRedirect, target: bytes) -> HeaderList:
    _, _, path = redirect.new_url.partition("//")
    _, _, path = path.partition("/")
    _, mark, query = target.partition(b"?")
    return ((b"Location", f"/{path}".encode("ascii") + mark + query),)
