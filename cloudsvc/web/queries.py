"""Query parameters as a typed value."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints
from urllib.parse import parse_qsl

import attrs
import msgspec

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.structuring import StructureFaults, structure

T = TypeVar("T")

MAX_PARAMETERS = 1000
"""In one query."""

MAX_FAULTS = 20
"""So many are reported of one request; whoever makes more has other worries."""


def parse_query(uri: bytes, kind: type[T], *, ignore_unknown: bool = False) -> T:
    """
    The query of ``uri`` as the attrs class ``kind``; a field of an array type may be given several times.

    :param ignore_unknown: whether names that are none of the fields mean nothing.
    :raises CloudError: unknown or repeated names, values that do not fit: all of them named.
    """
    _, _, query = uri.partition(b"?")
    try:
        errors = "replace" if ignore_unknown else "strict"
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors=errors, max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise CloudError(Kind.INVALID, "invalid_query", "The query is not UTF-8.") from None
    except ValueError:
        text = f"The query has more than {MAX_PARAMETERS} parameters."
        raise CloudError(Kind.INVALID, "invalid_query", text) from None
    types = _field_types(cast("Hashable", kind))
    values: dict[str, Any] = {}
    faults = []
    for name, text in pairs:
        target = types.get(name)
        if target is None and ignore_unknown:
            continue
        if target is not None and _is_array(target):
            values.setdefault(name, []).append(text)
        elif name in values:
            faults.append(f"query.{name}: given more than once")
        else:
            values[name] = text if target is None else _decode(text, target)
    try:
        result = structure(values, kind, path="query", most_faults=MAX_FAULTS)
    except StructureFaults as problem:
        faults.extend(problem.lines)
    if faults:
        raise CloudError(Kind.INVALID, "invalid_query", "; ".join(faults[:MAX_FAULTS]))
    return result


@cache
def _field_types(kind: Hashable) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in attrs.fields(cast("type[Any]", kind))}


def _is_array(target: Any) -> bool:
    return getattr(target, "__origin__", None) in {list, tuple}


def _decode(text: str, target: Any) -> Any:
    """Text as the number or boolean that ``target`` asks for; what does not fit stays text and is refused as such."""
    try:
        value = msgspec.convert(text, target, strict=False)
    except msgspec.ValidationError:
        return text
    # To msgspec 1e2 and 1.0 are whole numbers, but nobody means such a limit.
    return text if type(value) is int and not text.removeprefix("-").isdigit() else value
