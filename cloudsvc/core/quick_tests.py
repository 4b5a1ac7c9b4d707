"""Fast type checks for most values, so that structuring need not look at the type anew."""

from __future__ import annotations

import types
from collections.abc import Callable
from math import inf
from typing import Annotated, Any, Union, get_args, get_origin

_PLAIN = (bool, int, str, types.NoneType)
_BOUNDS = frozenset({"ge", "le", "min_length", "max_length"})
_CONSTRAINTS = _BOUNDS | {"gt", "lt", "multiple_of", "pattern", "tz"}


def find_quick_tests(target: Any) -> dict[type, Callable[[Any], bool]]:
    """
    For each plain type, what says of a value of just this type that it fits ``target`` as it is.

    msgspec reads the type anew at each call, which takes longer than all else about a short text. Whatever these do not
    say yes to is left to it, with the words of the complaint.
    """
    if get_origin(target) in (Union, types.UnionType):
        return {kind: test for inner in get_args(target) for kind, test in find_quick_tests(inner).items()}
    if get_origin(target) is not Annotated:
        return {target: lambda _: True} if target in _PLAIN else {}
    inner, *metas = get_args(target)
    given = {name: getattr(meta, name, None) for meta in metas for name in _CONSTRAINTS}
    limits = {name: limit for name, limit in given.items() if limit is not None}
    if not limits:
        return find_quick_tests(inner)
    if inner not in (int, str, list, dict) or not limits.keys() <= _BOUNDS:
        return {}
    least = limits.get("ge", limits.get("min_length", -inf))
    most = limits.get("le", limits.get("max_length", inf))
    if inner is int:
        return {int: lambda value: bool(least <= value <= most)}
    return {inner: lambda value: bool(least <= len(value) <= most)}
