"""Loader of the applications that the configuration names, and its checks that they get along."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from cloudsvc.core.errors import OperatorError

if TYPE_CHECKING:
    from cloudsvc.access.credentials import CredentialSource
    from cloudsvc.extend import Application, Tools
    from cloudsvc.server.provider import Provider

# What needs Klein is imported late: whoever only reads a configuration without applications can do without.

S = TypeVar("S")

GROUP: Final = "cloudsvc.applications"
"""The entry point group in which packages offer applications."""

_PROVIDERS: Final = (
    ("cloudsvc.server.drive", "DriveProvider"),
    ("cloudsvc.server.identity", "IdentityProvider"),
    ("cloudsvc.server.webhooks", "WebhookProvider"),
)
"""Module and name of each provider, after those that it needs itself."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_MOUNT = re.compile(rf"{_SEGMENT}|/|(?:/{_SEGMENT})+")


class _Unusable(Exception):  # noqa: N818 - never leaves this module
    """Why something is no application that could be served."""


def find_applications(names: Iterable[str]) -> dict[str, type[Application[Any]]]:
    """
    The application classes called ``names``, each by its own name.

    A name is that of an entry point in the group ``cloudsvc.applications``, or ``module:Class``.

    :raises OperatorError: one cannot be used, or two do not get along; one line each.
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
    faults += _find_provider_clashes(found.values())
    if faults:
        raise OperatorError(faults)
    return found


def find_providers(kinds: Iterable[type[Application[Any]]]) -> tuple[type[Provider[Any]], ...]:
    """What has to be opened for applications of these ``kinds``, each after what it needs itself."""
    needs = {need for kind in kinds for need in kind.needs}
    wanted: list[type[Provider[Any]]] = []
    for provider in reversed(_load_providers(needs)):
        if needs.intersection(provider.opens):
            needs |= {*provider.needs}
            wanted.insert(0, provider)
    return tuple(wanted)


def _load_providers(needs: Iterable[type]) -> tuple[type[Provider[Any]], ...]:
    """
    As many of the providers as it takes to open ``needs``, in their order; all of them where somebody needs what none
    opens. Nobody has to wait for the import of others.
    """
    missing = {*needs}
    loaded: list[type[Provider[Any]]] = []
    for module, name in _PROVIDERS:
        if not missing:
            break
        provider = getattr(import_module(module), name)
        missing -= {*provider.opens}
        loaded.append(provider)
    return tuple(loaded)


def make_application(kind: type[Application[S]], settings: S, tools: Tools) -> Application[S]:
    """
    The application, made.

    :raises OperatorError: it says so itself, or fails: in one line, since nothing is logged yet.
    """
    try:
        return kind(settings, tools)
    except OperatorError:
        raise
    except Exception as problem:
        raise OperatorError([_explain(f"application {kind.name} cannot be made", problem)]) from problem


def _explain(what: str, problem: Exception) -> str:
    place = extract_tb(problem.__traceback__)[-1]
    text = " ".join(str(problem).split())
    return f"{what}: {type(problem).__name__}: {text} ({place.filename}, line {place.lineno})"


def collect_sources(applications: Iterable[Application[Any]]) -> tuple[CredentialSource, ...]:
    """
    The credential sources of ``applications``, in their order.

    :raises OperatorError: something is no source, or has a name that is taken.
    """
    from cloudsvc.access.credentials import BearerToken, CredentialSource, KeyHeader  # noqa: PLC0415  # see above
    from cloudsvc.access.sessions import SessionCookie  # noqa: PLC0415  # likewise

    owners = {each.name: "the server" for each in (KeyHeader, BearerToken, SessionCookie)}
    found: list[CredentialSource] = []
    faults: list[str] = []
    for application in applications:
        try:
            sources = [*application.credential_sources()]
        except Exception as problem:  # noqa: BLE001  # nothing is logged yet
            faults.append(_explain(f"the credential sources of application {application.name} cannot be made", problem))
            continue
        for source in sources:
            name = getattr(source, "name", None)
            if not isinstance(source, CredentialSource) or not (isinstance(name, str) and _NAME.fullmatch(name)):
                faults.append(
                    f"application {application.name}: {source!r} must be a cloudsvc.extend.CredentialSource "
                    "whose name is a lower-case identifier"
                )
            elif name in owners:
                faults.append(
                    f"application {application.name}: its credential source is named {name!r} like one of "
                    f"{owners[name]}; give it another name"
                )
            else:
                owners[name] = application.name
                found.append(source)
    if faults:
        raise OperatorError(faults)
    return tuple(found)


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
    from cloudsvc.web.mounts import find_faults  # noqa: PLC0415  # see above

    if not (isinstance(application, type) and issubclass(application, Application)):
        yield "it is no subclass of cloudsvc.extend.Application"
        return
    name, mounts = (getattr(application, each, None) for each in ("name", "mounts"))
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        yield f"its name must be a lower-case identifier, not {name!r}"
    elif not (isinstance(application.section, str) and _NAME.fullmatch(application.section)):
        yield f"its section must be a lower-case identifier, not {application.section!r}"
    if not attrs.has(application.settings_type):
        yield "its settings_type must be an attrs class"
    if not (isinstance(mounts, tuple) and all(isinstance(mount, str) and _MOUNT.fullmatch(mount) for mount in mounts)):
        yield f"its mounts must be a tuple of plain path segments, or of paths such as '/dav', not {mounts!r}"
        return
    yield from _examine_mounts(mounts)
    offered = {kind for provider in _load_providers(application.needs) for kind in provider.opens}
    for need in application.needs:
        if need not in offered:
            yield f"it needs {getattr(need, '__name__', need)!s}, which this server does not open"
    kinds = getattr(application, "route_types", ())
    without = [kind.__name__ for kind in kinds if not isinstance(getattr(kind, "app", None), Klein)]
    if without or not kinds:
        yield f"app must be a Klein() of each of its route_types, or its own: {', '.join(without) or 'there is none'}"
    else:
        yield from find_faults(kinds, mounts)


def _examine_mounts(mounts: Iterable[str]) -> Iterator[str]:
    for mount in mounts:
        if mount == "/api" or mount.startswith("/api/"):
            yield f"its mount {mount} is the server's own; one below /api is written without it, such as 'dav'"
        elif f"/{mount}" in mounts:
            yield f"it has the mounts {mount!r} and '/{mount}', so nobody can tell which one its routes are below"


def _find_clashes(application: type[Application[Any]], others: Iterable[type[Application[Any]]]) -> Iterator[str]:
    from cloudsvc.api.documentation import Documentation  # noqa: PLC0415  # see above
    from cloudsvc.api.system import System  # noqa: PLC0415  # see above

    label = f"config.applications: {application.__module__}:{application.__qualname__}"
    for core in (System, Documentation):
        if application.name == core.name:
            yield f"{label} is named {core.name!r}, which is the server's own name; give it another"
        for mount in sorted({*application.mounts} & {*core.mounts}):
            yield f"{label} claims {_write_mount(mount)}, which is the server's own; choose another mount"
    for other in others:
        where = f"{other.__module__}:{other.__qualname__}"
        if application.name == other.name:
            yield f"{label} is named {other.name!r} like {where}; drop one of them"
            continue
        if application.section == other.section:
            yield f"{label} has the config section {other.section!r} of {where}; drop one of them"
        for mount in sorted({*application.mounts} & {*other.mounts}):
            place = _write_mount(mount)
            yield f"{label} claims {place}, which belongs to {where}; drop one of them or choose another mount"


def _find_provider_clashes(applications: Collection[type[Application[Any]]]) -> Iterator[str]:
    for provider in find_providers(applications):
        for application in applications:
            if (application.section, application.settings_type) == (provider.section, provider.settings_type):
                continue  # it reads the settings of what it needs
            label = f"config.applications: {application.__module__}:{application.__qualname__}"
            if application.name == provider.name:
                yield f"{label} is named {provider.name!r} like what this server opens; give it another name"
            if application.section == provider.section:
                yield f"{label} has the config section {provider.section!r} of what this server opens; give it another"


def _write_mount(mount: str) -> str:
    return mount if mount.startswith("/") else f"/api/{mount}"
