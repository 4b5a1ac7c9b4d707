"""Decoding of an image, a video or a sound into a small JPEG."""

from __future__ import annotations

import io
from typing import BinaryIO, Final

from PIL import Image

from cloudsvc.thumbnails.worker.colours import to_srgb
from cloudsvc.thumbnails.worker.decoded import DecodedImage, Refused
from cloudsvc.thumbnails.worker.kinds import FileKind, find_kind
from cloudsvc.thumbnails.worker.samples import shrink
from cloudsvc.thumbnails.worker.stills import load_still
from cloudsvc.thumbnails.worker.verdicts import Verdict

_HEIF: Final = "HEIF"
_QUALITY: Final = 85


def load_decoders(kind: FileKind) -> None:
    """Load now whatever a file of ``kind`` may need, of which most would be loaded later or never."""
    # Pillow does so when it reads a GIF.
    import copy  # noqa: F401, PLC0415 - as below

    Image.init()
    if not kind.is_still:
        import cloudsvc.thumbnails.worker.media  # noqa: PLC0415 - as below
    elif kind.form == _HEIF:
        import cloudsvc.thumbnails.worker.heif  # noqa: F401, PLC0415 - as below


def make_thumbnail(source: BinaryIO, kind: FileKind, size: int) -> bytes:
    """
    A JPEG whose longer side has at most ``size`` pixels, in sRGB, without any of the metadata of ``source``.

    ``kind`` is what :func:`find_kind` found ``source`` to be.

    :raises Refused: it is nothing of which an image can be made, is damaged, or has too many pixels.
    :raises Exception: whatever a decoder raises on damaged input.
    """
    decoded = _load(source, kind, size)
    image = to_srgb(shrink(decoded.image, _fit(decoded, size), decoded.meaning), decoded.colours)
    if decoded.turn is not None:
        image = image.transpose(decoded.turn)
    output = io.BytesIO()
    _flatten(image).save(output, "JPEG", quality=_QUALITY, optimize=True)
    return output.getvalue()


def _load(source: BinaryIO, kind: FileKind, size: int) -> DecodedImage:
    if kind.is_still:
        return _load_still(source, kind, size)
    from cloudsvc.thumbnails.worker.media import load_frame  # noqa: PLC0415 - takes half of the time and memory of an image

    source.seek(0)
    found = load_frame(source, kind.form, size)
    if isinstance(found, DecodedImage):
        return found
    cover = find_kind(found)
    if cover is None or not cover.is_still:
        raise Refused(Verdict.UNSUPPORTED)
    return _load_still(found, cover, size)


def _load_still(source: BinaryIO, kind: FileKind, size: int) -> DecodedImage:
    if kind.form != _HEIF:
        return load_still(source, kind, size)
    from cloudsvc.thumbnails.worker.heif import load_heif  # noqa: PLC0415 - as above

    source.seek(0)
    return load_heif(source, size)


def _fit(decoded: DecodedImage, size: int) -> tuple[int, int]:
    """The size of the thumbnail, before it is turned: square pixels, and none that the image does not have."""
    width, height = decoded.image.size
    shown = (width * decoded.aspect, float(height)) if decoded.aspect > 1 else (float(width), height / decoded.aspect)
    scale = min(1.0, size / max(shown))
    return max(1, int(shown[0] * scale + 0.5)), max(1, int(shown[1] * scale + 0.5))


def _flatten(image: Image.Image) -> Image.Image:
    """Nothing but red, green and blue; what is transparent is white."""
    if image.mode not in {"LA", "RGBA"}:
        flat = image.convert("RGB")
    else:
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image.convert("RGB"), mask=image.getchannel("A"))
    # Pillow would keep a comment.
    flat.info.clear()
    return flat
