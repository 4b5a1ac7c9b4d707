"""Find the applications that the configuration names, and see that they get along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from cloudsvc.core.errors import StartFault

if TYPE_CHECKING:
    from cloudsvc.extend import Application

GROUP: Final = "cloudsvc.applications"
"""The entry point group in which packages offer applications."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def find_applications(names: Iterable[str]) -> dict[str, type[Application[Any]]]:
    """
    The application classes called ``names``, each by the name of its config section.

    A name is that of an entry point in the group ``cloudsvc.applications``, or ``module:Class``.

    :raises StartFault: one cannot be imported, or is no application; one line each.
    """
    offered = {point.name: point.value for point in entry_points(group=GROUP)}
    found: dict[str, type[Application[Any]]] = {}
    faults: list[str] = []
    for name in names:
        try:
            application = _import(offered.get(name, name))
        except (ImportError, AttributeError, TypeError, ValueError) as problem:
            known = ", ".join(sorted(offered)) or "none is installed"
            faults.append(
                f"config.applications: {name!r} cannot be loaded ({problem}); install its package, "
                f"or give module:Class (offered by installed packages: {known})"
            )
            continue
        if application.name in found:
            faults.append(f"config.applications: {name!r} is named {application.name!r} like another one; drop one")
        found[application.name] = application
    if faults:
        raise StartFault(faults)
    return found


def find_sections(names: tuple[str, ...]) -> Mapping[str, type]:
    """The config sections of the applications called ``names``: section name -> attrs class."""
    return {name: application.settings_type for name, application in find_applications(names).items()}


def assign_mounts(applications: Sequence[Application[Any]]) -> dict[str, Application[Any]]:
    """
    Which application answers below which first segment; earlier ones have the first claim.

    :raises StartFault: a mount is claimed twice or is not one segment of a path.
    """
    owners: dict[str, Application[Any]] = {}
    faults: list[str] = []
    for application in applications:
        for mount in application.mounts:
            if not _MOUNT.fullmatch(mount):
                faults.append(f"application {application.name}: the mount {mount!r} is not one plain path segment")
            elif mount in owners:
                faults.append(
                    f"application {application.name}: /api/{mount} belongs to {owners[mount].name}; "
                    "choose another mount or remove one of the two from config.applications"
                )
            else:
                owners[mount] = application
    if faults:
        raise StartFault(faults)
    return owners


def _import(reference: str) -> type[Application[Any]]:
    from cloudsvc.extend import Application  # noqa: PLC0415  # imports Klein, which whoever only reads the config can do without

    module, separator, attribute = reference.partition(":")
    if not separator:
        raise ValueError("no installed package offers it")
    application = getattr(import_module(module), attribute)
    if not (isinstance(application, type) and issubclass(application, Application)):
        raise TypeError("it is no subclass of cloudsvc.extend.Application")
    if not _NAME.fullmatch(getattr(application, "name", "")):
        raise ValueError("its name is not a lower-case identifier")
    return application
