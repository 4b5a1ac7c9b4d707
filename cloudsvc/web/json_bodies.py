"""
JSON bodies as typed values, bounded before anything is decoded.

Decoding is fast for each byte and slow for each value: a megabyte of ``{},{},`` becomes 350,000 objects, and the event
loop stands still while they are made, looked through, and thrown away again. So values are counted first, and none is
made where there are too many.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from itertools import chain, islice
from typing import Any, Final

import msgspec

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.structuring import StructureFaults, structure
from cloudsvc.web.queries import MAX_FAULTS

MAX_JSON_DEPTH: Final = 32
"""Nesting beyond this is refused. No honest request comes near."""

MAX_JSON_VALUES: Final = 20_000
"""So many values, array and object members, one body may have. It takes the loop some 30 ms to make this many."""

_MOST_STRINGS: Final = 2 * MAX_JSON_VALUES
"""Half of these at least are values: the others are keys."""

# Each string is matched up to its end, or where it has none to the end of the text, so that nothing is read twice.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z)', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")


def parse_json(content: bytes, kind: type[Any]) -> Any:
    """
    JSON text as a value of ``kind``.

    :raises CloudError: it is not JSON, nests too deeply, has too many values, or does not fit; many faults are named.
    """
    _check_size(content)
    try:
        # RFC 8259 section 8.1: what some clients put before a text is no reason to refuse it.
        value = msgspec.json.decode(content.removeprefix(BOM_UTF8))
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise CloudError(Kind.INVALID, "bad_json", f"The body is not valid JSON: {problem}.") from problem
    if _nests_deeper(value, MAX_JSON_DEPTH):
        raise _too_deep()
    try:
        return structure(value, kind, path="body", most_faults=MAX_FAULTS)
    except StructureFaults as faults:
        raise CloudError(Kind.INVALID, "invalid_body", "; ".join(faults.lines)) from faults


def _check_size(content: bytes) -> None:
    """
    See that ``content`` has no more values than may be.

    Each value but the outermost stands behind a comma or is the first in its array or object, so that there are never
    more values than commas and opening brackets. Only where those are too many it matters whether they are in strings.
    """
    if _count_marks(content) < MAX_JSON_VALUES:
        return
    bare, strings = _STRING.subn(b"", content, _MOST_STRINGS)
    if strings < _MOST_STRINGS:
        if _count_marks(bare) < MAX_JSON_VALUES:
            return
        if _opens_deeper(bare, MAX_JSON_DEPTH):
            raise _too_deep()
    message = f"body: expected at most {MAX_JSON_VALUES} values, got more; send them in several requests"
    raise CloudError(Kind.INVALID, "invalid_body", message)


def _count_marks(content: bytes) -> int:
    return content.count(b",") + content.count(b"[") + content.count(b"{")


def _opens_deeper(bare: bytes, levels: int) -> bool:
    """Whether it is its depth, seen at the beginning, that makes a text without strings so large."""
    depth = 0
    for bracket in islice(_BRACKET.finditer(bare), 4 * levels):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > levels:
            return True
    return False


def _nests_deeper(value: object, levels: int) -> bool:
    layer = [value]
    for _ in range(levels + 1):
        arrays = [outer for outer in layer if isinstance(outer, list)]
        objects = [outer.values() for outer in layer if isinstance(outer, dict)]
        if not arrays and not objects:
            return False
        layer = [*chain.from_iterable(arrays), *chain.from_iterable(objects)]
    return True


def _too_deep() -> CloudError:
    return CloudError(Kind.INVALID, "json_too_deep", f"The JSON nests deeper than {MAX_JSON_DEPTH} levels.")
