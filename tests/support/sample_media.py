"""Pictures and films, made when they are needed: four quarters of different colours, so that it shows which way up."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from fractions import Fraction
from math import dist
from typing import Any

import av
import pillow_heif
from av.stream import Disposition
from PIL import Image, ImageDraw

pillow_heif.register_heif_opener()

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 220), "white": (255, 255, 255)}

QUARTERS = ("red", "green", "blue", "white")
"""From left to right, from top to bottom."""

_CLOSE = 60
"""Distances of colours below it are what coding does to a colour."""

_FRAMES = 6
_MIB = 1 << 20
_AFTER_HEADER = 33


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


def make_film(
    container: str, codec: str, *, title: str = "", picture: Image.Image | None = None, **given: Any
) -> bytes:
    """
    A short film of the quarters, or of ``picture``.

    ``given`` may have ``frames``, how many, of which the one and the picture that ``later`` names and all behind it are
    others; ``form``, their pixel format; ``matrix``, ``full_range``, ``primaries`` and ``transfer``, numbers of ITU-T
    H.273; ``scaler``, a matrix that it does not tell of; ``display``, the display matrix; ``aspect`` of a pixel; and
    ``options`` of the encoder.
    """
    output = io.BytesIO()
    with av.open(output, "w", format=container) as opened:
        opened.metadata["title"] = title
        form, is_full = given.get("form", "yuv420p"), given.get("full_range", False)
        shown = picture or draw()
        drawn = av.VideoFrame.from_bytes(shown.convert("RGBA").tobytes(), *shown.size)
        scaler = {1: 1, 5: 5, 6: 5, 9: 9}[given.get("scaler", given.get("matrix", 5))]
        frame = drawn.reformat(format=form, dst_colorspace=scaler, dst_color_range=2 if is_full else 1)
        stream: Any = opened.add_stream(codec, rate=25, options=given.get("options", {}))
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, form
        context = stream.codec_context
        if given.keys() & {"matrix", "full_range", "primaries", "transfer"}:
            frame.colorspace = context.colorspace = given.get("matrix", 2)
            frame.color_range = context.color_range = 2 if is_full else 1
            frame.color_primaries = context.color_primaries = given.get("primaries", 2)
            frame.color_trc = context.color_trc = given.get("transfer", 2)
        if "display" in given:
            stream.set_display_matrix(given["display"])
        if "aspect" in given:
            context.sample_aspect_ratio = given["aspect"]
        later = given.get("later")
        for number in range(given.get("frames", _FRAMES)):
            if later is not None and number == later[0]:
                frame = av.VideoFrame.from_image(later[1]).reformat(format=form)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode())
    return output.getvalue()


def cut(content: bytes, container: str, *, drop: int = 0, before: int = 0) -> bytes:
    """
    A film without its first ``drop`` packets, or with ``before`` frames that are only there to be decoded.

    As programs make them that cut without coding anew (``-c copy``).
    """
    output = io.BytesIO()
    with av.open(io.BytesIO(content), "r") as source, av.open(output, "w", format=container) as target:
        stream: Any = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        for number, packet in enumerate(source.demux(stream)):
            if packet.size and number >= drop:
                shift = int(before * Fraction(1, 25) / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copied
                target.mux(packet)
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


def repeat_last_scan(content: bytes, times: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    start = content.rindex(b"\xff\xda")
    return content[:-2] + content[start:-2] * times + content[-2:]


def format_picture_block(content: bytes) -> str:
    """A JPEG as Vorbis comments have it (RFC 9639, section 8.8, in base64)."""
    kind, description = b"image/jpeg", b""
    head = struct.pack(f">II{len(kind)}sI{len(description)}s", 3, len(kind), kind, len(description), description)
    return base64.b64encode(head + struct.pack(">5I", 160, 120, 24, 0, len(content)) + content).decode()


def claim_size(content: bytes, width: int, height: int) -> bytes:
    """A JPEG with another size in its head (ITU-T T.81, section B.2.2)."""
    start = next(content.index(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in content) + 5
    return content[:start] + struct.pack(">HH", height, width) + content[start + 4 :]


def make_song(container: str, codec: str, *covers: tuple[str, bytes], **comments: str) -> bytes:
    """
    A sound with pictures in its metadata: for each its codec and its bytes; the last is the front.

    ``comments`` are other metadata of its stream.
    """
    output = io.BytesIO()
    with av.open(output, "w", format=container) as opened:
        stream: Any = opened.add_stream(codec, rate=48_000)
        stream.metadata.update(comments)
        pictures = []
        for number, (form, content) in enumerate(covers):
            cover: Any = opened.add_stream(form, rate=1)
            cover.width, cover.height, cover.pix_fmt = 160, 120, "rgb24" if form == "png" else "yuvj420p"
            cover.disposition = Disposition.attached_pic
            cover.metadata["comment"] = "Cover (back)" if number < len(covers) - 1 else "Cover (front)"
            pictures.append((cover, content))
        stream.codec_context.open()
        for cover, content in pictures:
            packet = av.Packet(content)
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = cover, 0, 0, True
            packet.time_base = Fraction(1, 1000)
            opened.mux(packet)
        frame = av.AudioFrame(format=stream.format.name, layout=stream.layout.name, samples=stream.frame_size or 1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
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
    return b"\x89PNG\r\n\x1a\n" + b"".join(format_chunk(*chunk) for chunk in chunks)


def insert_chunks(content: bytes, *chunks: bytes) -> bytes:
    """A PNG with more chunks before its palette and its pixels."""
    return content[:_AFTER_HEADER] + b"".join(chunks) + content[_AFTER_HEADER:]


def format_chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
