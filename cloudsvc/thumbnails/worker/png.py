"""PNG sample formats, and the same PNG without metadata (W3C, PNG third edition)."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from typing import BinaryIO, Final, NamedTuple

from cloudsvc.thumbnails.worker.colours import SRGB, Coded, Colours, Measured, Profiled
from cloudsvc.thumbnails.worker.pieces import Piece, measure, piece_together

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_CHUNKS: Final = 10_000
"""Looked at, before the pixels. There are some five of them."""

_CHUNK_BYTES: Final = 4 * 2**20
"""Of a chunk that says something of the pixels. Profiles of printers are the largest."""

_PROFILE_BYTES: Final = 16 * 2**20
"""Of a profile, unpacked."""

_DECODED: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf"})
"""Chunks that whoever decodes has to see. What the colours mean is read here, and texts by nobody."""

_TEXTS: Final = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")
"""How texts begin that may tell the orientation: XMP, and Exif as ImageMagick writes it."""

_TEXT_NAMES: Final = frozenset({b"iTXt", b"tEXt", b"zTXt"})
_TEXT_BYTES: Final = 2**18
"""Of a text that is let through, packed. Unpacked it may have four times as many, or is left out."""

_MEANING: Final = frozenset({b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"})
_OVERHEAD: Final = 12
_WIDE: Final = 16
_GREY, _RGB = 0, 2


class Png(NamedTuple):
    """
    A PNG.

    :ivar file: the same without texts, animation, and whatever else is not needed for the pixels.
    :ivar colours: what they mean.
    :ivar key: the colour that is transparent, where there is one: a grey, of sixteen bits where the image has them
        and of eight otherwise, or red, green and blue of eight bits.
    """

    file: BinaryIO
    colours: Colours
    key: int | tuple[int, ...] | None


def read_png(source: BinaryIO) -> Png:
    """
    Read the chunks before the pixels.

    One that is not vital and is damaged is as good as none (section 13.2).
    """
    end = measure(source)
    found: dict[bytes, bytes] = {}
    pieces: list[bytes | Piece] = [SIGNATURE]
    position = len(SIGNATURE)
    for _ in range(_CHUNKS):
        source.seek(position)
        head = source.read(8)
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        if not head or name == b"IDAT":
            break
        if name in _TEXT_NAMES and length <= _TEXT_BYTES:
            content = source.read(length)
            if content.startswith(_TEXTS) and _is_short(name, content) and _is_whole(source, name, content):
                pieces.append(Piece(position, length + _OVERHEAD))
        elif name in _DECODED | _MEANING and length <= _CHUNK_BYTES:
            content = source.read(length)
            is_whole = _is_whole(source, name, content)
            if is_whole:
                found.setdefault(name, content)
            # A damaged one that is vital is left to the decoder, which refuses it.
            if name in _DECODED and (is_whole or name.isupper()) and not (name == b"tRNS" and _has_key(found)):
                pieces.append(Piece(position, length + _OVERHEAD))
        position += length + _OVERHEAD
    pieces.append(Piece(position, max(0, end - position)))
    return Png(piece_together(source, pieces), _find_colours(found), _find_key(found))


def _is_whole(source: BinaryIO, name: bytes, content: bytes) -> bool:
    """Whether the checksum, which comes next, is that of a chunk."""
    return source.read(4) == zlib.crc32(name + content).to_bytes(4, "big")


def _is_short(name: bytes, content: bytes) -> bool:
    """Whether a text does not become much longer when it is unpacked."""
    _, _, rest = content.partition(b"\0")
    packed = rest[1:] if name == b"zTXt" else rest[2:].split(b"\0", 2)[-1] if rest[:1] == b"\1" else b""
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(packed, 4 * _TEXT_BYTES - 1)
    except zlib.error:
        return False
    return not unpacking.unconsumed_tail


def _has_key(found: dict[bytes, bytes]) -> bool:
    return found.get(b"IHDR", b"")[9:10] in {bytes([_GREY]), bytes([_RGB])}


def _find_key(found: dict[bytes, bytes]) -> int | tuple[int, ...] | None:
    transparency = found.get(b"tRNS", b"")
    if not _has_key(found) or len(transparency) not in {2, 6}:
        return None
    depth = found[b"IHDR"][8]
    numbers: tuple[int, ...] = struct.unpack(f">{len(transparency) // 2}H", transparency)
    if len(numbers) == 1:
        return numbers[0] if depth == _WIDE else numbers[0] * 255 // ((1 << depth) - 1)
    # Pillow keeps the first eight bits of sixteen.
    return tuple(number >> (depth - 8) for number in numbers)


def _find_colours(found: dict[bytes, bytes]) -> Colours:
    """What the colours mean: of several that tell, the one that goes first (section 4.3, table 1)."""
    with suppress(struct.error, ZeroDivisionError):
        if b"cICP" in found:
            primaries, transfer, _, _ = struct.unpack("4B", found[b"cICP"])
            return Coded(primaries, transfer)
        if b"iCCP" in found and (profile := _unpack_profile(found[b"iCCP"])):
            return Profiled(profile)
        if b"gAMA" in found and b"sRGB" not in found:
            gamma = 100_000 / struct.unpack(">I", found[b"gAMA"])[0]
            points = struct.unpack(">8I", found[b"cHRM"]) if b"cHRM" in found else None
            return Measured(gamma, tuple(point / 100_000 for point in points) if points else None)
    return SRGB


def _unpack_profile(chunk: bytes) -> bytes | None:
    """A profile, unless it is damaged or too large."""
    _, _, packed = chunk.partition(b"\0")
    unpacking = zlib.decompressobj()
    with suppress(zlib.error):
        profile = unpacking.decompress(packed[1:], _PROFILE_BYTES)
        return profile if unpacking.eof else None
    return None
