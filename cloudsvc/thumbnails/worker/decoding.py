"""From the bytes of a picture or film to a small JPEG."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, Final

from PIL import AvifImagePlugin, Image, ImageOps, UnidentifiedImageError

from cloudsvc.thumbnails.worker.verdicts import Verdict

MAX_PIXELS: Final = 100_000_000
"""What is larger is refused for what its header says, before anything is decoded."""

_FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
"""Decoders that may be used; formats that are programs (PostScript) are not among them."""

_CONTAINERS: Final = (
    (4, b"ftyp", "mov"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (8, b"AVI ", "avi"),
    (0, b"OggS", "ogg"),
    (0, b"FLV\x01", "flv"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
)
"""Films: at which offset there is what, and the only demultiplexer that then may read it. None follows references."""

_STILL_BRANDS: Final = frozenset({b"avif", b"avis"})
"""Pictures in the container of films."""

# It may not start threads, here and below.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

_LAST_STRICT: Final = 18
"""The last major version of PyAV that needs to be told to put up with any metadata."""

_HEAD: Final = 16
_QUALITY: Final = 85


class Refused(Exception):  # noqa: N818  # a state of affairs that its caller tells on
    """No thumbnail can be made."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.name)
        self.verdict = verdict


def load_decoders() -> None:
    """Load all libraries now, of which most are never needed for one thumbnail."""
    import av  # noqa: F401, PLC0415 - as below

    Image.init()


def make_thumbnail(source: BinaryIO, size: int) -> bytes:
    """
    A JPEG whose longer side has at most ``size`` pixels, without any of the metadata of ``source``.

    :raises Refused: it is no picture or film, or has too many pixels.
    :raises Exception: whatever a decoder raises on damaged input.
    """
    head = source.read(_HEAD)
    source.seek(0)
    container = _find_container(head)
    picture = _load_picture(source, size) if container is None else _load_frame(source, container)
    # Pillow cannot first reduce what has sixteen bits.
    gap = None if picture.mode.startswith("I;16") else 3.0
    picture.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=gap)
    picture = _flatten(ImageOps.exif_transpose(picture))
    # Pillow would keep a comment.
    picture.info.clear()
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=_QUALITY, optimize=True)
    return output.getvalue()


def _find_container(head: bytes) -> str | None:
    for offset, mark, container in _CONTAINERS:
        if head[offset : offset + len(mark)] == mark and head[8:12] not in _STILL_BRANDS:
            return container
    return None


def _load_picture(source: BinaryIO, size: int) -> Image.Image:
    try:
        picture = Image.open(source, formats=_FORMATS)
    except UnidentifiedImageError:
        raise Refused(Verdict.NOT_PICTURABLE) from None
    except Image.DecompressionBombError:
        raise Refused(Verdict.TOO_LARGE) from None
    _check_pixels(*picture.size)
    # A JPEG can be decoded to a fraction of its size.
    picture.draft("RGB", (2 * size, 2 * size))
    picture.load()
    # Where each pixel is a number of a colour, or black or white, there is nothing to blend.
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode == "P":
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return picture


def _load_frame(source: BinaryIO, container: str) -> Image.Image:
    import av  # noqa: PLC0415 - half of the time and memory of a picture

    # From 19 on, metadata that are no UTF-8 are no error anyway, and cannot be asked to be none.
    options: Any = {} if int(av.__version__.split(".")[0]) > _LAST_STRICT else {"metadata_errors": "ignore"}
    with av.open(source, "r", format=container, **options) as film:
        if not film.streams.video:
            raise Refused(Verdict.NOT_PICTURABLE)
        stream = film.streams.video[0]
        _check_pixels(stream.codec_context.width, stream.codec_context.height)
        stream.codec_context.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        stream.codec_context.skip_frame = "NONKEY"
        frame: Any = next(film.decode(stream))
        _check_pixels(frame.width, frame.height)
        picture: Image.Image = frame.to_image(threads=1)
        return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Refused(Verdict.TOO_LARGE)


def _flatten(picture: Image.Image) -> Image.Image:
    """Eight bits of red, green and blue; what is transparent is white."""
    if picture.mode.startswith("I"):
        # Sixteen bits; Pillow would cut off what is beyond eight, instead of scaling it.
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        picture = Image.new("RGB", layer.size, "white")
        picture.paste(layer, mask=layer.getchannel("A"))
    return picture.convert("RGB")
