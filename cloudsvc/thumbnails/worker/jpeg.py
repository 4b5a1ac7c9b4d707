"""JPEG headers, read before anything is decoded (ITU-T T.81, annexes B and G)."""

from __future__ import annotations

import re
from typing import BinaryIO, Final, NamedTuple

MAX_SCANS: Final = 100
"""The whole image is gone over once for each scan: encoders make some ten of them, the standard allows any number."""

_MARKERS: Final = 5000
"""Looked at. Those of large metadata are some hundred; an image of more is taken for one of too many scans."""

_WINDOW: Final = 1 << 20
"""Bytes that are searched at once."""

_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends a scan: no stuffed byte, no restart marker, and no filling."""

_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_BARE: Final = frozenset({0x01, 0xD8})
"""Markers that no length follows."""

_SCAN: Final = 0xDA
_END: Final = 0xD9
_COEFFICIENTS: Final = 64
_COUNT_AT: Final = 5


class JpegOutline(NamedTuple):
    """
    The course of a JPEG.

    :ivar scans: how many it has; counting ends beyond :data:`MAX_SCANS`.
    :ivar coefficients: how many numbers it is made of, by its head.
    :ivar is_ended: it has an end marker.
    :ivar is_gathered: it can only be shown once all scans are there, since each of them adds to all of the image.
    :ivar is_told: every coefficient has its last bit in a scan that has begun. What is missing then, of the last scan,
        nobody sees.
    """

    scans: int
    coefficients: int
    is_ended: bool
    is_gathered: bool
    is_told: bool


def outline(source: BinaryIO) -> JpegOutline:
    """Find the scans of ``source``, which is read from its start."""
    scans = components = coefficients = 0
    is_progressive = is_ended = False
    told: set[tuple[int, int]] = set()
    source.seek(2)
    for _ in range(_MARKERS):
        marker = _find_marker(source)
        if marker is None or marker == _END or scans > MAX_SCANS:
            is_ended = marker == _END
            break
        if marker in _BARE:
            continue
        segment = source.read(max(0, int.from_bytes(source.read(2), "big") - 2))
        if marker in _FRAMES and len(segment) > _COUNT_AT:
            # There may be one frame only; a second one must not make the first look smaller.
            components = components or segment[_COUNT_AT]
            coefficients = max(coefficients, _count_coefficients(segment))
            is_progressive = is_progressive or marker in _PROGRESSIVE
        elif marker == _SCAN:
            scans += 1
            told |= _list_told(segment)
    else:
        scans = MAX_SCANS + 1
    is_told = 0 < components * _COEFFICIENTS <= len(told)
    return JpegOutline(scans, coefficients, is_ended, is_gathered=is_progressive or scans > 1, is_told=is_told)


def _count_coefficients(frame: bytes) -> int:
    """As many as pixels, and for each component less where it has fewer samples (section A.1.1)."""
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    factors = [(byte >> 4) * (byte & 15) for byte in frame[_COUNT_AT + 2 :: 3]]
    return width * height * sum(factors) // max(1, *factors) if len(factors) > 1 else width * height


def _list_told(segment: bytes) -> set[tuple[int, int]]:
    """Component and number of all coefficients of which a scan tells the last bit."""
    count = segment[0] if segment else 0
    if len(segment) < 4 + 2 * count:
        return set()
    first, last, precision = segment[1 + 2 * count : 4 + 2 * count]
    if precision & 15:
        return set()
    components = segment[1 : 1 + 2 * count : 2]
    return {(component, number) for component in components for number in range(first, min(last + 1, _COEFFICIENTS))}


def _find_marker(source: BinaryIO) -> int | None:
    """The next marker that is not part of a scan; the source is behind it then."""
    while window := source.read(_WINDOW):
        if found := _MARKER.search(window):
            source.seek(found.end() - len(window), 1)
            return window[found.end() - 1]
        if window.endswith(b"\xff") and len(window) > 1:
            source.seek(-1, 1)
    return None
