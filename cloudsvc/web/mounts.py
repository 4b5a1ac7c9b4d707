"""Mounts of applications, and the one map of all routes of an application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final, Protocol

from klein import Klein
from werkzeug.routing import Map, Rule

from cloudsvc.core.errors import OperatorError
from cloudsvc.web.operations import Operation, operation_of

API: Final = "api"
"""The first segment of what is mounted without saying where."""

VARIABLE: Final = re.compile(r"<(?:(?P<converter>\w+)(?:\([^<>]*\))?:)?(?P<name>\w+)>")
"""A variable in a pattern of Werkzeug's, such as ``<path:name>``."""

_NEVER_SERVED: Final = f"is never served: below /{API} are only mounts without a slash; give it another path or a mount"


class Routes(Protocol):
    """
    Something with routes: a class whose methods are made routes of its ``app`` by ``@route``, or an object of it.

    :cvar app: where its routes are registered.
    """

    app: ClassVar[Klein]


def locate_mount(mount: str) -> tuple[str, ...]:
    """
    The segments that the paths below ``mount`` begin with.

    A name is a first segment below ``/api``; what begins with a slash is the whole path, of however many segments;
    ``/`` is the root.
    """
    if not mount.startswith("/"):
        return (API, mount)
    return tuple(filter(None, mount.split("/")))


def locate_route(path: str, mounts: Sequence[str]) -> str | None:
    """
    The whole path of a route that an application with these ``mounts`` registers at ``path``; ``None`` where that is
    below none of them.
    """
    segments = tuple(path.removeprefix("/").split("/"))
    if segments[0] in mounts:
        return f"/{API}{path}"
    places = [locate_mount(mount) for mount in mounts if mount.startswith("/")]
    return path if any(segments[: len(place)] == place for place in places) else None


def is_served(path: str, mounts: Sequence[str]) -> bool:
    """
    Whether requests for the whole ``path`` of a route come to the application with these ``mounts``: what is below
    ``/api`` comes only to the mounts there, and never to one at ``/``.
    """
    first, *others = path.removeprefix("/").split("/")
    return first != API or any(others[:1] == [mount] for mount in mounts)


def list_routes(kinds: Sequence[type[Routes]]) -> Iterator[tuple[Rule, Operation]]:
    """All routes of ``kinds``: what Klein has registered, and what was noted of it."""
    for kind in kinds:
        for rule in kind.app.url_map.iter_rules():
            yield rule, operation_of(kind.app.endpoints[rule.endpoint])


def make_map(kinds: Sequence[type[Routes]], mounts: Sequence[str]) -> Map:
    """
    The map of all routes of ``kinds`` with their whole paths.

    :raises OperatorError: a route is not made with ``cloudsvc.extend.route``, or lies below no mount, or where no
        request comes to it.
    """
    converters: dict[str, Any] = {}
    for kind in kinds:
        converters |= kind.app.url_map.converters
    # An empty segment is a name like any other, and a redirect must not name a scheme or a host.
    routes = Map(converters=converters, merge_slashes=False)
    for rule, operation in list_routes(kinds):
        if operation.source is None:
            raise OperatorError([f"the route {rule.rule} is not made with cloudsvc.extend.route"])
        path = locate_route(rule.rule, mounts)
        if path is None:
            raise OperatorError([f"the route {rule.rule} is below none of {', '.join(mounts)}"])
        if not is_served(path, mounts):
            raise OperatorError([f"the route {rule.rule} {_NEVER_SERVED}"])
        routes.add(type(rule)(path, **rule.get_empty_kwargs()))
    return routes


def path_template(path: str) -> str:
    """A Werkzeug pattern in OpenAPI's notation: ``/api/files/{path}``."""
    return VARIABLE.sub(r"{\g<name>}", path)


def find_faults(kinds: Sequence[type[Routes]], mounts: Sequence[str]) -> Iterator[str]:
    """
    What to say of routes that cannot be served, or not with each other.

    Of routes with the same method and paths that differ at most in their variables Werkzeug serves only one at some
    paths or at all, and to OpenAPI they are the same (3.1, section 4.8.8).
    """
    names: set[str] = set()
    known: dict[tuple[str, str], str] = {}
    for rule, operation in list_routes(kinds):
        if operation.source is None:
            yield f"its route {rule.rule} must be made with cloudsvc.extend.route"
        path = locate_route(rule.rule, mounts)
        if path is None:
            yield f"its route {rule.rule} is below none of its mounts"
            path = rule.rule
        elif not is_served(path, mounts):
            yield f"its route {rule.rule} {_NEVER_SERVED}"
        for method in operation.methods:
            other = known.setdefault((method, VARIABLE.sub("{}", path)), rule.endpoint)
            if other != rule.endpoint:
                where = f"{method} {path_template(path)}"
                yield f"its routes {other!r} and {rule.endpoint!r} both answer {where}: give one another path"
        if rule.endpoint in names:
            yield f"two of its routes are named {rule.endpoint!r}: rename one"
        names.add(rule.endpoint)
    yield from _find_converter_clashes(kinds)


def _find_converter_clashes(kinds: Sequence[type[Routes]]) -> Iterator[str]:
    converters: dict[str, Any] = {}
    for kind in kinds:
        for name, converter in kind.app.url_map.converters.items():
            if converters.setdefault(name, converter) is not converter:
                yield f"its route classes have different converters named {name!r}: give all of them the same"
