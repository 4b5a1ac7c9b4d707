"""Pictures and films, made when they are needed: four quarters of different colours, so that it shows which way up."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from math import dist
from typing import Any

import av
from PIL import Image, ImageDraw

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 220), "white": (255, 255, 255)}

QUARTERS = ("red", "green", "blue", "white")
"""From left to right, from top to bottom."""

_CLOSE = 60
"""Distances of colours below it are what coding does to a colour."""

_FRAMES = 6
_MIB = 1 << 20


def draw(width: int = 160, height: int = 120, mode: str = "RGB") -> Image.Image:
    """A picture of the quarters."""
    picture = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(picture)
    for number, name in enumerate(QUARTERS):
        left, top = number % 2 * width // 2, number // 2 * height // 2
        pen.rectangle((left, top, left + width // 2, top + height // 2), fill=COLOURS[name])
    return picture.convert(mode)


def encode(picture: Image.Image, form: str, **options: Any) -> bytes:
    """``picture`` in the format that Pillow calls ``form``."""
    output = io.BytesIO()
    picture.save(output, form, **options)
    return output.getvalue()


def decode(content: bytes) -> Image.Image:
    """A thumbnail, whole."""
    picture = Image.open(io.BytesIO(content), formats=["JPEG"])
    picture.load()
    return picture


def read_quarters(picture: Image.Image) -> tuple[str, ...]:
    """The colours of the quarters of ``picture``, or what is in place of them."""
    width, height = picture.size
    found = (picture.getpixel((width * x // 4, height * y // 4)) for y in (1, 3) for x in (1, 3))
    return tuple(_name(pixel) for pixel in found)


def _name(pixel: Any) -> str:
    near = [name for name, colour in COLOURS.items() if dist(pixel, colour) < _CLOSE]
    return near[0] if near else repr(pixel)


def make_film(container: str, codec: str, *, title: str = "") -> bytes:
    """A short film of the quarters."""
    output = io.BytesIO()
    with av.open(output, "w", format=container) as opened:
        opened.metadata["title"] = title
        frame = av.VideoFrame.from_image(draw())
        stream: Any = opened.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
        for number in range(_FRAMES):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode())
    return output.getvalue()


def make_sound() -> bytes:
    """A container of films with nothing to see."""
    output = io.BytesIO()
    with av.open(output, "w", format="ogg") as opened:
        stream: Any = opened.add_stream("libopus", rate=48_000)
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        frame.sample_rate, frame.pts = 48_000, 0
        opened.mux(stream.encode(frame))
        opened.mux(stream.encode())
    return output.getvalue()


def turn(content: bytes, degrees: int) -> bytes:
    """A film in MP4 that is to be shown turned to the right, as telephones make them."""
    cosine, sine = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    # ISO/IEC 14496-12 section 8.3.2: the matrix of the track's header, in fixed point.
    matrix = (cosine, sine, 0, -sine, cosine, 0, 0, 0)
    start = content.index(b"tkhd") + 44
    return content[:start] + struct.pack(">8i", *(each << 16 for each in matrix)) + content[start + 32 :]


def make_black(width: int, height: int) -> bytes:
    """A black picture in PNG that costs next to nothing to make, however many pixels it has."""
    size = (1 + 3 * width) * height
    # A piece of nothing, compressed by itself, again and again (RFC 1950, RFC 1951 section 2).
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    piece = packer.compress(bytes(_MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(size % _MIB)) + packer.flush()
    packed = b"\x78\x01" + piece * (size // _MIB) + rest + struct.pack(">HH", size % 65521, 1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_spell_chunk(*chunk) for chunk in chunks)


def _spell_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
