"""Boxes of MP4, QuickTime, HEIF and AVIF (ISO/IEC 14496-12, ISO/IEC 23008-12)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Final, NamedTuple

_BOXES: Final = 10_000
"""Looked at in a file or a box, at most."""

_BOX_HEAD: Final = 8
"""Bytes of the size and the type of a box. A size of 64 bits takes as many more."""

_META_BYTES: Final = 4 * 2**20
"""Of the box that describes images. One of a thousand tiles has some 60 kB."""

_BRAND_BYTES: Final = 4096
_AV1: Final = frozenset({b"avif", b"avis", b"MA1A", b"MA1B"})
_STILL: Final = _AV1 | frozenset(
    {b"mif1", b"mif2", b"msf1", b"miaf", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
)
_PLAIN_FIRST: Final = frozenset({b"wide", b"free", b"skip", b"pnot", b"mdat", b"moov", b"uuid", b"PICT", b"junk"})
"""With which a QuickTime video may begin, before it has said that it is one; older ones never do."""


class Box(NamedTuple):
    """A box: its type, where its content begins, and where it ends."""

    type: bytes
    start: int
    end: int


class Layout(NamedTuple):
    """
    What a file of boxes holds.

    :ivar is_still: images, which are described in a box of their own.
    :ivar is_av1: those are coded as AV1.
    :ivar is_video: tracks.
    :ivar major_at: where the four bytes are that name its major brand, if it names one.
    """

    is_still: bool
    is_av1: bool
    is_video: bool
    major_at: int | None


def find_layout(source: BinaryIO) -> Layout | None:
    """What ``source`` holds, if it is made of boxes; it is read from its start."""
    end = source.seek(0, io.SEEK_END)
    boxes = walk_boxes(source, 0, end)
    first = next(boxes, None)
    if first is None or first.type not in _PLAIN_FIRST | {b"ftyp"}:
        return None
    types = {first.type}
    brands: set[bytes] = set()
    major_at = None
    box: Box | None = first
    while box is not None:
        types.add(box.type)
        if box.type == b"ftyp" and major_at is None:
            major_at = box.start
            source.seek(box.start)
            content = source.read(min(box.end - box.start, _BRAND_BYTES))
            brands = {content[:4], *(content[start : start + 4] for start in range(8, len(content) - 3, 4))}
        if {b"meta", b"moov"} <= types:
            break
        box = next(boxes, None)
    is_still = bool(brands & _STILL) and (b"meta" in types or b"moov" not in types)
    # One that says which it is and has nothing else is damaged, and not something else.
    return Layout(is_still, bool(brands & _AV1), b"moov" in types or (bool(brands) and not is_still), major_at)


def walk_boxes(source: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between ``start`` and ``end``, as far as they make sense."""
    for _ in range(_BOXES):
        source.seek(start)
        head = source.read(16)
        if len(head) < _BOX_HEAD:
            return
        size, type_, content = int.from_bytes(head[:4], "big"), head[4:8], _BOX_HEAD
        if size == 1:
            size, content = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:
            size = end - start
        if size < content:
            return
        yield Box(type_, start + content, min(start + size, end))
        start += size


def find_code_points(source: BinaryIO) -> tuple[int, int] | None:
    """
    Colour primaries and transfer characteristics (ITU-T H.273) of the primary image of ``source``.

    Nothing where they are not told, or what should tell is damaged.
    """
    with suppress(struct.error, LookupError, StopIteration):
        for top in walk_boxes(source, 0, source.seek(0, io.SEEK_END)):
            if top.type == b"meta":
                source.seek(top.start)
                return _find_in_meta(source.read(min(top.end - top.start, _META_BYTES)))
    return None


def _find_in_meta(content: bytes) -> tuple[int, int] | None:
    # The box has a version and flags before its boxes.
    boxes = _open_boxes(content[4:])
    primary_box, properties = dict(boxes)[b"pitm"], _open_boxes(dict(boxes)[b"iprp"])
    primary = int.from_bytes(primary_box[4 : 6 if primary_box[0] == 0 else 8], "big")
    listed = _open_boxes(dict(properties)[b"ipco"])
    for type_, associations in properties:
        for number in _list_associated(associations, primary) if type_ == b"ipma" else ():
            if number and listed[number - 1][0] == b"colr" and listed[number - 1][1].startswith(b"nclx"):
                primaries, transfer = struct.unpack(">HH", listed[number - 1][1][4:8])
                return primaries, transfer
    return None


def _open_boxes(content: bytes) -> list[tuple[bytes, bytes]]:
    """Type and content of each box in ``content``."""
    return [(box.type, content[box.start : box.end]) for box in walk_boxes(io.BytesIO(content), 0, len(content))]


def _list_associated(content: bytes, wanted: int) -> list[int]:
    """The numbers of the properties of the image ``wanted`` (ISO/IEC 23008-12, section 9.3)."""
    version, flags = content[0], content[3]
    (count,) = struct.unpack(">I", content[4:8])
    position = 8
    form, mask = (">H", 0x7FFF) if flags & 1 else (">B", 0x7F)
    for _ in range(min(count, _BOXES)):
        width = 2 if version == 0 else 4
        item = int.from_bytes(content[position : position + width], "big")
        associations = content[position + width]
        position += width + 1
        numbers = [
            struct.unpack_from(form, content, position + number * struct.calcsize(form))[0] & mask
            for number in range(associations)
        ]
        if item == wanted:
            return numbers
        position += associations * struct.calcsize(form)
    return []
