"""Find the applications that the configuration names, and see that they get along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from cloudsvc.core.errors import StartFault

if TYPE_CHECKING:
    from cloudsvc.extend import Application, Tools

# What needs Klein is imported late: whoever only reads a configuration without applications can do without.

S = TypeVar("S")

GROUP: Final = "cloudsvc.applications"
"""The entry point group in which packages offer applications."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class _Unusable(Exception):  # noqa: N818 - never leaves this module
    """Why something is no application that could be served."""


def find_applications(names: Iterable[str]) -> dict[str, type[Application[Any]]]:
    """
    The application classes called ``names``, each by its own name.

    A name is that of an entry point in the group ``cloudsvc.applications``, or ``module:Class``.

    :raises StartFault: one cannot be used, or two do not get along; one line each.
    """
    offered = {point.name: point.value for point in entry_points(group=GROUP)}
    found: dict[str, type[Application[Any]]] = {}
    faults: list[str] = []
    for name in names:
        try:
            application = _find(name, offered)
            faults += _find_clashes(application, found.values())
            found[application.name] = application
        except _Unusable as problem:
            faults.append(f"config.applications: {name!r} cannot be used: {problem}")
    if faults:
        raise StartFault(faults)
    return found


def find_sections(names: tuple[str, ...]) -> Mapping[str, type]:
    """The config sections of the applications called ``names``: section name -> attrs class."""
    return {found.section: found.settings_type for found in find_applications(names).values()}


def make_application(kind: type[Application[S]], settings: S, tools: Tools) -> Application[S]:
    """
    The application, made.

    :raises StartFault: it says so itself, or fails: in one line, since nothing is logged yet.
    """
    try:
        return kind(settings, tools)
    except StartFault:
        raise
    except Exception as problem:
        place = extract_tb(problem.__traceback__)[-1]
        text = " ".join(str(problem).split())
        line = (
            f"application {kind.name} cannot be made: {type(problem).__name__}: {text} "
            f"({place.filename}, line {place.lineno})"
        )
        raise StartFault([line]) from problem


def _find(name: str, offered: Mapping[str, str]) -> type[Application[Any]]:
    module, separator, attribute = offered.get(name, name).partition(":")
    if not separator:
        known = ", ".join(sorted(offered)) or "nothing"
        raise _Unusable(f"no installed package offers it; install one, or write module:Class (offered is: {known})")
    try:
        application = getattr(import_module(module), attribute)
    except Exception as problem:
        text = " ".join(str(problem).split())
        raise _Unusable(f"importing {module} gives {type(problem).__name__}: {text}") from problem
    if faults := list(_examine(application)):
        raise _Unusable("; ".join(faults))
    return application  # type: ignore[no-any-return]  # examined just now


def _examine(application: Any) -> Iterator[str]:
    """What is wrong with the declarations of an application: all that mypy would say, and what it cannot know."""
    from cloudsvc.extend import Application, Klein  # noqa: PLC0415  # see above
    from cloudsvc.web.operations import operation_of  # noqa: PLC0415  # see above
    from cloudsvc.web.resources import find_duplicates  # noqa: PLC0415  # see above

    if not (isinstance(application, type) and issubclass(application, Application)):
        yield "it is no subclass of cloudsvc.extend.Application"
        return
    name, mounts, app = (getattr(application, each, None) for each in ("name", "mounts", "app"))
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        yield f"its name must be a lower-case identifier, not {name!r}"
    elif not (isinstance(application.section, str) and _NAME.fullmatch(application.section)):
        yield f"its section must be a lower-case identifier, not {application.section!r}"
    if not attrs.has(application.settings_type):
        yield "its settings_type must be an attrs class"
    if not (isinstance(mounts, tuple) and all(isinstance(mount, str) and _MOUNT.fullmatch(mount) for mount in mounts)):
        yield f"its mounts must be a tuple of plain path segments, not {mounts!r}"
        return
    if not isinstance(app, Klein):
        yield "its app must be a Klein()"
        return
    for rule in app.url_map.iter_rules():
        if operation_of(app.endpoints[rule.endpoint]).source is None:
            yield f"its route {rule.rule} must be made with cloudsvc.extend.route"
        if rule.rule.split("/")[1] not in mounts:
            yield f"its route {rule.rule} is below none of its mounts"
    yield from find_duplicates(app)


def _find_clashes(application: type[Application[Any]], others: Iterable[type[Application[Any]]]) -> Iterator[str]:
    from cloudsvc.api.documentation import Documentation  # noqa: PLC0415  # see above
    from cloudsvc.api.system import System  # noqa: PLC0415  # see above

    label = f"config.applications: {application.__module__}:{application.__qualname__}"
    for core in (System, Documentation):
        if application.name == core.name:
            yield f"{label} is named {core.name!r}, which is the server's own name; give it another"
        for mount in sorted({*application.mounts} & {*core.mounts}):
            yield f"{label} claims /api/{mount}, which is the server's own; choose another mount"
    for other in others:
        where = f"{other.__module__}:{other.__qualname__}"
        if application.name == other.name:
            yield f"{label} is named {other.name!r} like {where}; drop one of them"
            continue
        if application.section == other.section:
            yield f"{label} has the config section {other.section!r} of {where}; drop one of them"
        for mount in sorted({*application.mounts} & {*other.mounts}):
            yield f"{label} claims /api/{mount}, which belongs to {where}; drop one of them or choose another mount"
