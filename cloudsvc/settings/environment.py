"""Environment variables over the configuration file: text is decoded by the type of its setting."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from attrs import frozen

from cloudsvc.core.secrets import Secret
from cloudsvc.core.structuring import StructureFaults, join_path, structure, suggest
from cloudsvc.settings.document import parse_json
from cloudsvc.settings.leaves import PREFIX, Leaf
from cloudsvc.settings.secret_files import SUFFIX, read_secret_file

SHORT_NAMES: Final[Mapping[str, str]] = {"server.host": "HOST", "server.port": "PORT"}
"""Settings which have a second, customary variable."""


@frozen(kw_only=True)
class Source:
    """Variables and where they come from: ``environment`` or ``.env``."""

    label: str
    variables: Mapping[str, str]


@frozen(kw_only=True)
class Variable:
    """A variable that is set. ``origin`` says to people which: ``environment PORT``."""

    origin: str
    text: str


def find_variable(sources: Iterable[Source], *names: str) -> Variable | None:
    """The variable of the first source, and in it of the first of ``names``, that is set to more than nothing."""
    return next(find_variables(sources, *names), None)


def find_variables(sources: Iterable[Source], *names: str) -> Iterator[Variable]:
    """All of them that are set to more than nothing; each wins over those after it."""
    for source in sources:
        for name in names:
            if text := source.variables.get(name):
                yield Variable(origin=f"{source.label} {name}", text=text)


def overlay(
    document: dict[str, Any], leaves: Iterable[Leaf], sources: Sequence[Source], faults: list[str]
) -> dict[str, str]:
    """
    Put what ``sources`` say into ``document``; add to ``faults`` what they say wrongly.

    A wrong value is reported also where another wins over it: it would count as soon as the other is gone.

    :returns: the origin of each setting that a variable sets.
    """
    origins: dict[str, str] = {}
    for leaf in leaves:
        names = (leaf.variable, SHORT_NAMES[leaf.name]) if leaf.name in SHORT_NAMES else (leaf.variable,)
        before = len(faults)
        variables = list(_find_set(sources, names, leaf, faults))
        if not variables or len(faults) > before:
            continue
        values = [decode(variable.text, leaf.type) for variable in variables]
        sound = [
            _examine(value, leaf, variable.origin, faults) for value, variable in zip(values, variables, strict=True)
        ]
        _examine_covered(document, leaf, faults)
        if sound[0]:
            _place(document, leaf.path, values[0])
            origins[leaf.name] = variables[0].origin
    return origins


def _find_set(sources: Iterable[Source], names: Sequence[str], leaf: Leaf, faults: list[str]) -> Iterator[Variable]:
    """As :func:`find_variables`, and those of ``leaf`` that name a file where it is secret."""
    for source in sources:
        yield from find_variables([source], *names)
        file = find_variable([source], leaf.variable + SUFFIX) if is_secret(leaf) else None
        if file is None:
            continue
        if source.variables.get(leaf.variable):
            faults.append(f"{file.origin}: {leaf.variable} is set as well; drop one of them")
            continue
        try:
            yield Variable(origin=file.origin, text=read_secret_file(file.text))
        except ValueError as problem:
            faults.append(f"{file.origin}: {problem}")


def is_secret(leaf: Leaf) -> bool:
    """Whether what ``leaf`` holds is shown to nobody, and may stand in a file."""
    return Secret in set(_find_kinds(leaf.type))


def list_variables(leaves: Iterable[Leaf]) -> set[str]:
    """The names of the variables that set ``leaves``, the customary ones aside."""
    return {name for leaf in leaves for name in (leaf.variable, *([leaf.variable + SUFFIX] * is_secret(leaf)))}


def _examine(value: object, leaf: Leaf, path: str, faults: list[str]) -> bool:
    try:
        structure(value, leaf.type, path=path)
    except StructureFaults as problem:
        faults += problem.lines
        return False
    return True


def _examine_covered(document: object, leaf: Leaf, faults: list[str]) -> None:
    """Examine what the file says, which a variable is about to replace."""
    path = "config"
    for step in leaf.path:
        if not isinstance(document, dict) or step not in document:
            return
        document, path = document[step], join_path(path, step)
    _examine(document, leaf, path, faults)


def find_unknown(
    sources: Iterable[Source], known: Collection[str], sections: Collection[str] | None = None
) -> Iterator[str]:
    """
    A fault for each variable that looks like a setting and is none of ``known``.

    :param sections: the only ones whose variables are all known; ``None`` for all there are.
    """
    for source in sources:
        for name, text in source.variables.items():
            if sections is not None and name.removeprefix(PREFIX).partition("__")[0].lower() not in sections:
                continue
            if name.startswith(PREFIX) and text and name not in known:
                yield f"{source.label} {name}: unknown setting{suggest(name, known)}"


def decode(text: str, target: Any) -> object:
    """
    What ``text`` means for a setting of type ``target``: itself for strings, otherwise JSON.

    Text that is no JSON stays text, so that the strict converter says what it expected instead.
    """
    kinds = set(_find_kinds(target))
    if text == "null" and types.NoneType in kinds:
        return None
    if kinds <= {str, Secret, types.NoneType}:
        return text
    try:
        return parse_json(text)
    except ValueError:
        return text


def _find_kinds(target: Any) -> Iterator[object]:
    origin = get_origin(target)
    if origin is Annotated:
        yield from _find_kinds(get_args(target)[0])
    elif origin in (Union, types.UnionType):
        for option in get_args(target):
            yield from _find_kinds(option)
    elif origin is Literal:
        yield from map(type, get_args(target))
    elif isinstance(target, type) and issubclass(target, Enum):
        yield from (type(member.value) for member in target)
    else:
        yield origin or target


def _place(document: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    *sections, key = path
    for section in sections:
        inner = document.setdefault(section, {})
        if not isinstance(inner, dict):
            return  # The file is at fault, and that is reported elsewhere.
        document = inner
    document[key] = value
