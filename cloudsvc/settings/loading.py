"""Loading of settings from a home and an environment: checked values, or every error there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol, TypeAlias

import attrs
from attrs import frozen

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.core.structuring import StructureFaults, join_path, structure, suggest
from cloudsvc.settings.audit import check_audit
from cloudsvc.settings.document import read_document
from cloudsvc.settings.env_file import read_env_file
from cloudsvc.settings.environment import (
    Source,
    Variable,
    find_unknown,
    find_variable,
    find_variables,
    list_variables,
    overlay,
)
from cloudsvc.settings.home import Home
from cloudsvc.settings.leaves import Leaf, find_leaves
from cloudsvc.settings.model import Settings
from cloudsvc.settings.static import check_static
from cloudsvc.settings.workers import check_workers

TOKEN_VARIABLE: Final = "API_TOKEN_HASH"  # noqa: S105 - the name of a variable
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_OWN_SECTIONS = frozenset(attrs.fields_dict(Settings))
_APPLICATIONS = [*Settings().applications]


class Configurable(Protocol):
    """
    An application, or what it needs, as far as the configuration knows it.

    :ivar section: the name of its section.
    :ivar settings_type: the attrs class that holds it.
    """

    @property
    def section(self) -> str: ...

    @property
    def settings_type(self) -> type: ...


ApplicationsFinder: TypeAlias = Callable[[tuple[str, ...]], Mapping[str, Any]]
"""
The :class:`Configurable` applications of these names, each by its own name. Raises OperatorError for what cannot be
loaded. (``Any``: whoever starts them knows more of them, and gets them back as they were found.)
"""

ProvidersFinder: TypeAlias = Callable[[Iterable[Any]], Sequence[Any]]
"""The :class:`Configurable` providers of what these applications need."""


@frozen(kw_only=True)
class Loaded:
    """
    All that was configured.

    :ivar applications: what the finder has found, by their own names: nobody has to find them again.
    :ivar providers: of what they need, likewise.
    :ivar sections: settings of applications and of providers, by section.
    :ivar token_hash: SHA-256 of the owner's token in lower-case hexadecimal digits; ``None`` where there is none.
    :ivar origins: where each setting comes from, by its dotted name: ``default``, ``config/config.json``,
        ``environment NAME`` or ``.env NAME``.
    """

    home: Home
    settings: Settings
    applications: Mapping[str, Any]
    providers: Sequence[Any]
    sections: Mapping[str, Any]
    token_hash: Secret | None
    origins: Mapping[str, str]


def load(
    home: Home,
    environ: Mapping[str, str],
    find_applications: ApplicationsFinder,
    find_providers: ProvidersFinder = lambda applications: (),  # of applications that need nothing
) -> Loaded:
    """
    The configuration of ``home``. Variables of ``environ`` win over those in ``.env``, and these over the file.

    :raises OperatorError: with one line for each fault.
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
    before = len(faults)
    applications = _find_applications(document, find_applications, faults)
    providers = find_providers(applications.values())
    types = _list_sections([*applications.values(), *providers], faults)
    # Whose the other sections are, nobody knows where an application is missing.
    complete = len(faults) == before and _names_applications(document)
    added = [leaf for name, section in types.items() for leaf in find_leaves(section, name)]
    leaves += added
    origins |= _find_written(document, added) | overlay(document, added, sources, faults)
    sections_known = {*_OWN_SECTIONS, *types}
    faults += find_unknown(sources, list_variables(leaves), None if complete else sections_known)
    if complete:
        faults += _find_unknown_keys(document, sections_known)

    own = {name: value for name, value in document.items() if name in _OWN_SECTIONS}
    settings = _structure(own, Settings, "config", faults)
    sections = {
        name: _structure(document.get(name, {}), section, f"config.{name}", faults) for name, section in types.items()
    }
    token = find_variable(sources, TOKEN_VARIABLE)
    for each in find_variables(sources, TOKEN_VARIABLE):
        faults += _check_token(each)
    if settings is not None:
        faults += check_static(home, settings)
        faults += check_audit(home, settings)
        faults += check_workers(settings)
    if faults:
        raise OperatorError(faults)
    return Loaded(
        home=home,
        settings=settings,
        applications=applications,
        providers=providers,
        sections=sections,
        token_hash=_as_hash(token),
        origins={leaf.name: origins.get(leaf.name, "default") for leaf in leaves}
        | {TOKEN_VARIABLE: token.origin if token else "default"},
    )


def read_token_hash(home: Home) -> Secret | None:
    """
    The hash of the owner's token in ``.env`` now; ``None`` where there is none.

    :raises OperatorError: when the file cannot be read, or holds something else.
    """
    source = Source(label=".env", variables=read_env_file(home.env_file))
    token = find_variable((source,), TOKEN_VARIABLE)
    if faults := list(_check_token(token)):
        raise OperatorError(faults)
    return _as_hash(token)


def _as_hash(token: Variable | None) -> Secret | None:
    return Secret(token.text.lower()) if token else None


def _find_applications(
    document: Mapping[str, Any], find: ApplicationsFinder, faults: list[str]
) -> Mapping[str, Configurable]:
    """All applications that can be found; where one cannot, the default ones too."""
    if not _names_applications(document):
        return _find_each(_APPLICATIONS, find)  # Structuring the settings reports it.
    names = tuple(document.get("applications", _APPLICATIONS))
    try:
        return find(names)
    except OperatorError as fault:
        faults += fault.lines
        return _find_each((*names, *_APPLICATIONS), find)


def _list_sections(parts: Iterable[Configurable], faults: list[str]) -> Mapping[str, type]:
    """The attrs classes of the sections of ``parts``, but for those that would take one of the server's own."""
    types = {part.section: part.settings_type for part in parts}
    taken = sorted(types.keys() & _OWN_SECTIONS)
    faults += (
        f"config.{name}: this is a section of the server's own; an application must use another" for name in taken
    )
    return {name: section for name, section in types.items() if name not in taken}


def _find_each(names: Iterable[str], find: ApplicationsFinder) -> Mapping[str, Configurable]:
    found: dict[str, Configurable] = {}
    for name in names:
        with suppress(OperatorError):
            found |= find((name,))
    return found


def _names_applications(document: Mapping[str, Any]) -> bool:
    names = document.get("applications", _APPLICATIONS)
    return isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)


def _find_written(document: Mapping[str, Any], leaves: list[Leaf]) -> dict[str, str]:
    return {leaf.name: "config/config.json" for leaf in leaves if _holds(document, leaf.path)}


def _holds(document: object, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(document, dict) or step not in document:
            return False
        document = document[step]
    return True


def _find_unknown_keys(document: Mapping[str, Any], known: set[str]) -> Iterator[str]:
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
