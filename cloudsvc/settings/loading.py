"""From a home and an environment to checked settings; or to every fault there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import attrs
from attrs import frozen

from cloudsvc.core.errors import StartFault
from cloudsvc.core.secrets import Secret
from cloudsvc.core.structuring import StructureFaults, join_path, structure, suggest
from cloudsvc.settings.document import read_document
from cloudsvc.settings.env_file import read_env_file
from cloudsvc.settings.environment import Source, Variable, find_unknown, find_variable, overlay
from cloudsvc.settings.home import Home
from cloudsvc.settings.leaves import Leaf, find_leaves
from cloudsvc.settings.model import Settings
from cloudsvc.settings.static import check_static

TOKEN_VARIABLE: Final = "API_TOKEN_HASH"  # noqa: S105 - the name of a variable
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_OWN_SECTIONS = frozenset(attrs.fields_dict(Settings))
_APPLICATIONS = [*Settings().applications]

SectionsFinder: TypeAlias = Callable[[tuple[str, ...]], Mapping[str, type]]
"""The sections of the named applications: name -> attrs class. Raises StartFault for what cannot be loaded."""


@frozen(kw_only=True)
class Loaded:
    """
    All that was configured.

    :ivar sections: settings of applications, by section.
    :ivar token_hash: SHA-256 of the owner's token in lower-case hexadecimal digits; ``None`` where there is none.
    :ivar origins: where each setting comes from, by its dotted name: ``default``, ``config/config.json``,
        ``environment NAME`` or ``.env NAME``.
    """

    home: Home
    settings: Settings
    sections: Mapping[str, Any]
    token_hash: Secret | None
    origins: Mapping[str, str]


def load(home: Home, environ: Mapping[str, str], find_sections: SectionsFinder) -> Loaded:
    """
    The configuration of ``home``. Variables of ``environ`` win over those in ``.env``, and these over the file.

    :raises StartFault: with one line for each fault.
    """
    sources = (
        Source(label="environment", variables=environ),
        Source(label=".env", variables=read_env_file(home.env_file)),
    )
    document = read_document(home)
    document.pop("$schema", None)
    faults: list[str] = []

    leaves = list(find_leaves(Settings))
    origins = _find_written(document, leaves) | overlay(document, leaves, sources, faults)
    types = _find_types(document, find_sections, faults)
    if types is not None:
        added = [leaf for name, section in types.items() for leaf in find_leaves(section, name)]
        leaves += added
        origins |= _find_written(document, added) | overlay(document, added, sources, faults)
        faults += find_unknown(sources, {leaf.variable for leaf in leaves})
        faults += _find_strangers(document, {*_OWN_SECTIONS, *types})

    own = {name: value for name, value in document.items() if name in _OWN_SECTIONS}
    settings = _structure(own, Settings, "config", faults)
    sections = {
        name: _structure(document.get(name, {}), section, f"config.{name}", faults)
        for name, section in (types or {}).items()
    }
    token = find_variable(sources, TOKEN_VARIABLE)
    faults += _check_token(token)
    if settings is not None:
        faults += check_static(home, settings)
    if faults:
        raise StartFault(faults)
    return Loaded(
        home=home,
        settings=settings,
        sections=sections,
        token_hash=Secret(token.text.lower()) if token else None,
        origins={leaf.name: origins.get(leaf.name, "default") for leaf in leaves}
        | {TOKEN_VARIABLE: token.origin if token else "default"},
    )


def _find_types(
    document: Mapping[str, Any], find_sections: SectionsFinder, faults: list[str]
) -> Mapping[str, type] | None:
    """``None`` when the applications cannot be found, so that nobody knows which sections there may be."""
    try:
        names = structure(document.get("applications", _APPLICATIONS), tuple[str, ...], path="config.applications")
    except StructureFaults:
        return None  # Structuring the settings tells of it.
    try:
        types = find_sections(names)
    except StartFault as fault:
        faults += fault.lines
        return None
    taken = sorted(types.keys() & _OWN_SECTIONS)
    faults += (
        f"config.{name}: this is a section of the server's own; an application must use another" for name in taken
    )
    return {name: section for name, section in types.items() if name not in taken}


def _find_written(document: Mapping[str, Any], leaves: list[Leaf]) -> dict[str, str]:
    return {leaf.name: "config/config.json" for leaf in leaves if _holds(document, leaf.path)}


def _holds(document: object, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(document, dict) or step not in document:
            return False
        document = document[step]
    return True


def _find_strangers(document: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for name in sorted(document.keys() - known):
        yield f"{join_path('config', name)}: unknown key{suggest(name, known)}"


def _structure(value: object, target: type, path: str, faults: list[str]) -> Any:
    try:
        return structure(value, target, path=path)
    except StructureFaults as problem:
        faults += problem.lines
        return None


def _check_token(token: Variable | None) -> Iterator[str]:
    if token and not _SHA256.fullmatch(token.text):
        yield (
            f"{token.origin}: expected the SHA-256 of a token, 64 hexadecimal digits; "
            "make a token with `cloudsvc generate-new-token`"
        )
