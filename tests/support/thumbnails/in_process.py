"""Thumbnails made in this process, where a failure shows all of its traceback."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from cloudsvc.thumbnails.worker.decoded import Refused
from cloudsvc.thumbnails.worker.decoding import make_thumbnail
from cloudsvc.thumbnails.worker.kinds import find_kind
from cloudsvc.thumbnails.worker.verdicts import Verdict
from tests.support.sample_media import decode

CLOSE = 6
"""By how much coding, twice, changes a plain colour."""


def convert(content: bytes, size: int = 64) -> bytes:
    """The thumbnail of a file, as the program makes it."""
    source = io.BytesIO(content)
    kind = find_kind(source)
    if kind is None:
        raise Refused(Verdict.UNSUPPORTED)
    return make_thumbnail(source, kind, size)


def make(content: bytes, size: int = 64) -> Image.Image:
    """The same, decoded."""
    return decode(convert(content, size))


def judge(content: bytes) -> str:
    """How a file is refused, as the program has it."""
    try:
        convert(content)
    except Refused as refused:
        return refused.verdict.name
    except MemoryError:
        return Verdict.TOO_LARGE.name
    except Exception:  # noqa: BLE001  # decoders raise whatever they like
        return Verdict.DAMAGED.name
    return Verdict.MADE.name


def read_colour(content: bytes) -> tuple[int, ...]:
    """The colour in the middle of a thumbnail."""
    thumbnail = make(content)
    pixel: Any = thumbnail.getpixel((thumbnail.width // 2, thumbnail.height // 2))
    return tuple(pixel)


def read_shades(content: bytes) -> list[Any]:
    """The grey of each quarter."""
    thumbnail = make(content).convert("L")
    width, height = thumbnail.size
    return [thumbnail.getpixel((width * x // 4, height * y // 4)) for y in (1, 3) for x in (1, 3)]
