"""
Structuring of plain data (as JSON gives it) into typed values and back: strict, with every error reported.

Types say what is allowed: attrs classes, ``list``/``tuple[T, ...]``/``frozenset``/``dict`` of such, scalars, literals,
enumerations and unions of scalars. Ranges are :class:`msgspec.Meta` in :data:`typing.Annotated`, which also
feeds JSON Schemas; what a range cannot say is a :class:`Check`; rules between fields are attrs validators.
Nothing is coerced, except that an integer is also a ``float``.
"""

from __future__ import annotations

import types
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    Sequence,
    Set,
)
from difflib import get_close_matches
from enum import Enum
from functools import cache
from heapq import nsmallest
from itertools import islice
from reprlib import Repr
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
import cattrs
import msgspec
from attrs import frozen
from cattrs.gen import make_dict_structure_fn

from cloudsvc.core.quick_tests import find_quick_tests
from cloudsvc.core.secrets import Secret

T = TypeVar("T")
_Hook = Callable[[Any, Any], Any]

_ARRAYS: dict[object, Callable[[list[Any]], Collection[Any]]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    MutableSequence: list,
    Sequence: tuple,
    Set: frozenset,
}
_OBJECTS = (dict, Mapping, MutableMapping)
_SCALARS = (bool, int, float, str, types.NoneType)

_MOST_FAULTS = 100
"""Of one array or object."""

_MOST_BITS = 256
"""Of a number that is told in a fault: to spell one takes the square of its length."""

_LONGEST_NAME = 80
"""Characters of a key that are told in a fault; what is longer is no misspelt setting either."""

_converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
_brief = Repr()
_brief.maxstring = _brief.maxlong = _brief.maxother = 80


class StructureFaults(Exception):  # noqa: N818 - several faults in one exception, as its name says
    """The data does not fit the type. Each line is one fault: ``path: what was expected, what was there``."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@frozen
class Check:
    """
    A rule of one value, placed in :data:`typing.Annotated`.

    :ivar function: takes the typed value; its :exc:`ValueError` is the text of the fault.
    """

    function: Callable[[Any], object]


class _Mismatch(Exception):  # noqa: N818 - never leaves this module
    """One fault, worded for whoever wrote the data."""


def structure(value: object, target: type[T], *, path: str, most_faults: int | None = None) -> T:
    """
    ``value`` as an instance of ``target``.

    :param path: what the value is called in faults: ``config``, ``body``.
    :param most_faults: how many to describe, for values from outside, whose faults may be a hundred thousand.
    :raises StructureFaults: with every fault there is, not only the first.
    """
    try:
        return _converter.structure(value, target)
    except Exception as error:
        lines = tuple(islice(_describe(error, path), most_faults))
        if not lines:
            raise
        raise StructureFaults(lines) from None


def unstructure(value: object) -> Any:
    """Plain data for ``value``: attrs instances as ``dict``, enumerations as their values, secrets masked."""
    return _converter.unstructure(value)


def suggest(name: str, known: Collection[str]) -> str:
    """``; did you mean …?`` when one of ``known`` is close to ``name``, otherwise nothing."""
    close = get_close_matches(name, known, n=1, cutoff=0.6) if len(name) <= _LONGEST_NAME else ()
    return f"; did you mean {close[0]!r}?" if close else ""


def join_path(path: str, step: str | int) -> str:
    """How faults call what is at the key or index ``step`` of the value at ``path``."""
    if isinstance(step, str) and len(step) <= _LONGEST_NAME and step.isidentifier():
        return f"{path}.{step}"
    return f"{path}[{_brief.repr(step)}]"


def _describe(error: BaseException, path: str) -> Iterator[str]:
    match error:
        case cattrs.ClassValidationError() | cattrs.IterableValidationError():
            inside, own = error.group_exceptions()
            for inner, note in inside:
                step = note.name if isinstance(note, cattrs.AttributeValidationNote) else note.index
                yield from _describe(inner, join_path(path, step))
            for inner in own:
                yield from _describe(inner, path)
        case cattrs.ForbiddenExtraKeysError(extra_fields=names, cl=target):
            known = [field.name for field in attrs.fields(target)]
            for name in nsmallest(_MOST_FAULTS, names):
                yield f"{join_path(path, name)}: unknown key{suggest(name, known)}"
        case KeyError():
            yield f"{path}: missing"
        case _Mismatch() | ValueError():
            yield f"{path}: {error}"


def _show(value: object) -> str:
    match value:
        case None:
            return "null"
        case dict():
            return "an object"
        case list() | tuple():
            return "an array"
        case int() if value.bit_length() > _MOST_BITS:
            return "a huge number"
        case _:
            return _brief.repr(value)


def _is_scalar(target: Any) -> bool:
    """Whether msgspec checks the whole type by itself, ranges included."""
    origin = get_origin(target)
    if origin is Annotated:
        return _is_scalar(get_args(target)[0]) and not _find_checks(target)
    if origin in (Union, types.UnionType):
        return all(map(_is_scalar, get_args(target)))
    return origin is Literal or target in _SCALARS or (isinstance(target, type) and issubclass(target, Enum))


def _find_checks(target: Any) -> list[Check]:
    return [extra for extra in get_args(target)[1:] if isinstance(extra, Check)]


def _annotate(target: Any, metas: list[msgspec.Meta]) -> Any:
    for meta in metas:
        target = Annotated[target, meta]
    return target


def _reword(complaint: str, target: Any, value: object) -> str:
    expected, _, _ = complaint.replace("`", "").partition(", got ")
    if expected.startswith("Invalid enum value"):
        expected = "expected one of " + ", ".join(map(repr, _choices(target)))
    return f"{expected[0].lower()}{expected[1:]}, got {_show(value)}"


def _choices(target: Any) -> Iterator[object]:
    if isinstance(target, type) and issubclass(target, Enum):
        yield from (member.value for member in target)
    elif get_origin(target) is Literal:
        yield from get_args(target)
    else:
        for inner in get_args(target):
            yield from _choices(inner)


def _expect(kinds: type | tuple[type, ...], name: str, hook: _Hook) -> _Hook:
    def take(value: Any, target: Any) -> Any:
        if not isinstance(value, kinds):
            raise _Mismatch(f"expected {name}, got {_show(value)}")
        return hook(value, target)

    return take


def _is_object(target: Any) -> bool:
    return (get_origin(target) or target) in _OBJECTS


def _is_array(target: Any) -> bool:
    arguments = get_args(target)
    uniform = get_origin(target) is not tuple or arguments[-1:] == (...,)
    return uniform and (get_origin(target) or target) in _ARRAYS


def _is_annotated(target: Any) -> bool:
    return get_origin(target) is Annotated


def _take_each(pairs: Iterable[tuple[Any, Any]], hook: _Hook, target: Any) -> dict[Any, Any]:
    """
    The value of each pair as ``target``, up to a bound of faults.

    cattrs has none: a megabyte of wrong items cost it seven seconds and half a gigabyte.
    """
    typed: dict[Any, Any] = {}
    faults: list[Exception] = []
    for step, value in pairs:
        try:
            typed[step] = hook(value, target)
        except Exception as fault:  # noqa: BLE001  # whatever it is, it is told together with the others
            fault.add_note(cattrs.IterableValidationNote("", step, target))
            faults.append(fault)
            if len(faults) == _MOST_FAULTS:
                break
    if faults:
        raise cattrs.IterableValidationError("", faults, target)
    return typed


# Hooks: of those whose predicates match, the one registered last wins.


@_converter.register_structure_hook_factory(attrs.has)
def _make_instance(target: Any, converter: cattrs.Converter) -> _Hook:
    return _expect(dict, "object", make_dict_structure_fn(target, converter))


@_converter.register_structure_hook_factory(_is_object)
def _make_object(target: Any, converter: cattrs.Converter) -> _Hook:
    key, item = get_args(target) or (str, Any)
    key_hook, hook = converter.get_structure_hook(key), converter.get_structure_hook(item)

    def take(value: Any, _: Any) -> Any:
        keys = _take_each(((name, name) for name in value), key_hook, key)
        items = _take_each(value.items(), hook, item)
        return {keys[name]: items[name] for name in value}

    return _expect(dict, "object", take)


@_converter.register_structure_hook_factory(_is_array)
def _make_array(target: Any, converter: cattrs.Converter) -> _Hook:
    make = _ARRAYS[get_origin(target) or target]
    item = (get_args(target) or (Any,))[0]
    hook = converter.get_structure_hook(item)
    return _expect((list, tuple), "array", lambda value, _: make([*_take_each(enumerate(value), hook, item).values()]))


@_converter.register_structure_hook_factory(_is_annotated)
def _make_annotated(target: Any, converter: cattrs.Converter) -> _Hook:
    """For what msgspec cannot do alone: first the outer bounds of a container, then what is in it, then checks."""
    inner, *extras = get_args(target)
    metas = [extra for extra in extras if isinstance(extra, msgspec.Meta)]
    plain = _annotate(inner, metas) if _is_scalar(inner) else inner
    outside = list if _is_array(inner) else dict if _is_object(inner) else None
    hook = converter.get_structure_hook(plain)
    measure = _make_scalar(_annotate(outside, metas)) if outside and metas else None
    checks = _find_checks(target)

    def take(value: Any, _: Any) -> Any:
        if measure is not None:
            measure(value, None)
        typed = hook(value, plain)
        for check in checks:
            check.function(typed)
        return typed

    return take


@_converter.register_structure_hook_factory(_is_scalar)
def _make_scalar(target: Any) -> _Hook:
    tests = find_quick_tests(target)

    def take(value: Any, _: Any) -> Any:
        test = tests.get(type(value))
        if test is not None and test(value):
            return value
        try:
            return msgspec.convert(value, target, strict=True)
        except msgspec.ValidationError as error:
            raise _Mismatch(_reword(str(error), target, value)) from None

    return take


def _take_secret(value: Any, _: Any) -> Secret:
    if isinstance(value, str):
        return Secret(value)
    raise _Mismatch(f"expected str, got {type(value).__name__}")


@cache  # of types, which are as many as the code has
def _scalar_hook(target: Any) -> _Hook:
    return _make_scalar(target)


def _take_scalar(value: Any, target: Any) -> Any:
    return _scalar_hook(target)(value, target)


# cattrs looks up plain classes, and for their subclasses such as ``StrEnum`` too, before it asks any predicate.
for _scalar in _SCALARS:
    _converter.register_structure_hook(_scalar, _take_scalar)
_converter.register_structure_hook(Secret, _take_secret)
_converter.register_unstructure_hook(Secret, str)
