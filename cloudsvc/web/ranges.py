"""Range requests (RFC 9110 section 14)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from cloudsvc.web.errors import HTTPError

MOST_RANGES: Final = 16
"""Whoever asks for more gets the whole, as RFC 9110 section 14.2 allows: a thousand ranges are an attack."""

_LONGEST: Final = 1024
"""Characters of the field."""

_RANGE: Final = re.compile(r"([0-9]+)-([0-9]*)|-([0-9]+)").fullmatch


@frozen
class Span:
    """Bytes from ``start`` to just before ``stop``; there is at least one."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stop - self.start

    def describe(self, size: int) -> bytes:
        """The ``Content-Range`` of this part of ``size`` bytes."""
        return b"bytes %d-%d/%d" % (self.start, self.stop - 1, size)


class _NoRanges(Exception):  # noqa: N818  # never leaves this module
    """The field is to be ignored."""


def parse_ranges(field: str | None, size: int, most: int = MOST_RANGES) -> Sequence[Span] | None:
    """
    The parts of a content of ``size`` bytes that ``field``, a ``Range``, asks for, in its order; ``None`` for the
    whole: there is no field, it is not to be understood, or it asks for more than there is, or for more than ``most``.

    :raises HTTPError: 416, all of them are beyond the end.
    """
    if field is None or len(field) > _LONGEST:
        return None
    unit, _, listed = field.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    items = [item.strip(" \t") for item in listed.split(",")]
    try:
        spans = [_parse_range(item, size) for item in items if item]
    except _NoRanges:
        return None
    if not spans or len(spans) > most:
        return None
    satisfiable = [span for span in spans if span is not None]
    if not satisfiable:
        raise range_not_satisfiable(size)
    if sum(span.size for span in satisfiable) > size or not size:
        return None
    return satisfiable


def range_not_satisfiable(size: int) -> HTTPError:
    """The refusal of ranges that are all beyond the end (RFC 9110 section 15.5.17)."""
    return HTTPError(
        416,
        "range_not_satisfiable",
        f"There is none of these bytes: the file has {size}.",
        ((b"Content-Range", b"bytes */%d" % size),),
    )


def _parse_range(item: str, size: int) -> Span | None:
    """``None`` for one that cannot be satisfied."""
    match = _RANGE(item)
    if match is None:
        raise _NoRanges
    first, last, suffix = match.groups()
    if suffix is not None:
        return Span(max(0, size - int(suffix)), size) if int(suffix) else None
    if last and int(last) < int(first):
        raise _NoRanges
    stop = min(size, int(last) + 1) if last else size
    # Of nothing, the first byte on is nothing: clients that go on with a download ask so, from the beginning too.
    return Span(int(first), stop) if int(first) < max(size, 1) else None
