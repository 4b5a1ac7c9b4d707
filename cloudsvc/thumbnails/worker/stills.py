"""Images, decoded by Pillow, and what must be known of each format beside what its decoder reports."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any, BinaryIO, Final

from PIL import AvifImagePlugin, ExifTags, Image, TiffImagePlugin, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from cloudsvc.thumbnails.worker.boxes import find_code_points
from cloudsvc.thumbnails.worker.colours import SRGB, Coded, Colours, Profiled
from cloudsvc.thumbnails.worker.decoded import MAX_REDUCED_PIXELS, DecodedImage, Refused, check_pixels
from cloudsvc.thumbnails.worker.jpeg import MAX_SCANS, outline
from cloudsvc.thumbnails.worker.kinds import FileKind
from cloudsvc.thumbnails.worker.pieces import Piece, measure, piece_together
from cloudsvc.thumbnails.worker.png import read_png
from cloudsvc.thumbnails.worker.samples import AS_IT_SAYS, Meaning
from cloudsvc.thumbnails.worker.verdicts import Verdict

# It may not start threads, here and below.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# Pixels are counted here, against what the memory holds.
Image.MAX_IMAGE_PIXELS = None

_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO: Final = 0
_UNSIGNED: Final = 1

_MORE_TIFF: Final = {
    (b"MM", 1, (1,), 1, (12,), ()): ("I;16", "I;12"),
    (b"II", 0, (1,), 1, (12,), ()): ("I;16", "I;12"),
    (b"MM", 0, (1,), 1, (12,), ()): ("I;16", "I;12"),
    (b"MM", 0, (1,), 1, (16,), ()): ("I;16B", "I;16B"),
    (b"MM", 1, (1,), 1, (32,), ()): ("I", "I;32B"),
}
"""Greys that Pillow can unpack and does not know in TIFF. The bits of twelve have the same order in both."""

for _layout, _modes in _MORE_TIFF.items():
    TiffImagePlugin.OPEN_INFO.setdefault(_layout, _modes)

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each orientation (CIPA DC-008, Exif 2.3, section 4.6.4.A)."""

_MAX_SCANNED: Final = 5 * 10**9
"""Coefficients that are gone over in all scans together: some five seconds."""

_MAX_GATHERED: Final = 400_000_000
"""Coefficients of two bytes that are kept until all scans are there."""

_END_OF_JPEG: Final = b"\xff\xd9"
_READ_AHEAD: Final = bytes(16)
"""What a decoder wants to see behind a scan. Where pixels are missing, it is not enough to make them of."""

_VARIED: Final = frozenset({"BMP", "TIFF"})
"""Formats that mean many things, or whose mark is found on other files: what Pillow cannot read is none it knows."""


def load_still(source: BinaryIO, kind: FileKind, size: int) -> DecodedImage:
    """
    The image in ``source``, decoded to no less than twice ``size``.

    :raises Refused: it is too large, damaged, or of a kind that cannot be decoded.
    :raises Exception: whatever a decoder raises on damaged input.
    """
    load = {"JPEG": _load_jpeg, "PNG": _load_png, "TIFF": _load_tiff, "AVIF": _load_avif, "WEBP": _load_webp}.get(
        kind.form, _load_other
    )
    return load(source, kind, size)


def _load_jpeg(source: BinaryIO, kind: FileKind, size: int) -> DecodedImage:
    course = outline(source)
    if course.scans > MAX_SCANS or course.scans * course.coefficients > _MAX_SCANNED:
        raise Refused(Verdict.TOO_LARGE)
    if course.is_gathered and course.coefficients > _MAX_GATHERED:
        raise Refused(Verdict.TOO_LARGE)
    if not course.is_ended:
        if course.is_gathered and not course.is_told:
            raise Refused(Verdict.DAMAGED)
        rest = _END_OF_JPEG if course.is_gathered else _READ_AHEAD
        source = piece_together(source, [Piece(0, measure(source)), rest])
    image = _open(source, kind)
    check_pixels(*image.size, most=MAX_REDUCED_PIXELS)
    # Decoded to a fraction of its size, it takes a fraction of the memory.
    image.draft("RGB", (2 * size, 2 * size))
    image.load()
    return _finish(image)


def _load_png(source: BinaryIO, kind: FileKind, _size: int) -> DecodedImage:
    png = read_png(source)
    image = _open(png.file, kind)
    check_pixels(*image.size)
    _load_pixels(image)
    return _finish(image, png.colours, Meaning(key=png.key))


def _load_tiff(source: BinaryIO, kind: FileKind, _size: int) -> DecodedImage:
    image = _open(source, kind)
    check_pixels(*image.size)
    tags = image.tag_v2  # type: ignore[attr-defined]  # of TIFF
    bits, sample_format = (_first(tags.get(tag), default=1) for tag in (_BITS, _SAMPLE_FORMAT))
    meaning = Meaning(
        bits=bits,
        is_unsigned=sample_format == _UNSIGNED,
        is_inverted=tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO,
    )
    image.load()
    return _finish(image, meaning=meaning)


def _load_avif(source: BinaryIO, kind: FileKind, _size: int) -> DecodedImage:
    points = find_code_points(source)
    image = _open(_rebrand(source, kind, b"avif"), kind)
    check_pixels(*image.size)
    image.load()
    return _finish(image, Coded(*points) if points else SRGB)


def _load_webp(source: BinaryIO, kind: FileKind, _size: int) -> DecodedImage:
    # Its decoder takes memory for all pixels as soon as it is opened.
    check_pixels(*_measure_webp(source))
    return _load_other(source, kind, _size)


def _load_other(source: BinaryIO, kind: FileKind, _size: int) -> DecodedImage:
    image = _open(source, kind)
    check_pixels(*image.size)
    image.load()
    # Many programs write a channel that they call transparency into a BMP, and leave it empty.
    is_opaque = kind.form == "BMP" and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0)
    return _finish(image, meaning=Meaning(is_opaque=is_opaque))


def _open(source: BinaryIO, kind: FileKind) -> ImageFile:
    """
    Read the head of an image.

    :raises Refused: it is damaged, or of a kind that the decoder does not know.
    """
    source.seek(0)
    try:
        return Image.open(source, formats=[kind.form])
    except UnidentifiedImageError:
        verdict = Verdict.UNSUPPORTED if kind.form in _VARIED else Verdict.DAMAGED
        raise Refused(verdict) from None


def _load_pixels(image: ImageFile) -> None:
    """Decode the pixels of a PNG. What comes behind them does not matter."""
    try:
        image.load()
    except (ValueError, SyntaxError):
        if image.tile:
            raise


def _finish(image: Image.Image, colours: Colours = SRGB, meaning: Meaning = AS_IT_SAYS) -> DecodedImage:
    """An image that is decoded, with what its decoder tells."""
    if profile := image.info.get("icc_profile"):
        colours = Profiled(profile)
    return DecodedImage(image, colours, meaning, _find_turn(image))


def _find_turn(image: Image.Image) -> Image.Transpose | None:
    # Metadata may be damaged in whichever way.
    with suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return None


def _first(value: Any, *, default: int) -> int:
    """A tag of one number, or the first of several."""
    return value[0] if isinstance(value, tuple) and value else value if isinstance(value, int) else default


def _rebrand(source: BinaryIO, kind: FileKind, brand: bytes) -> BinaryIO:
    """``source`` with the major brand that its decoder wants. Which one it has says little: the others count too."""
    if kind.major_at is None:
        return source
    rest = kind.major_at + len(brand)
    return piece_together(source, [Piece(0, kind.major_at), brand, Piece(rest, measure(source) - rest)])


def _measure_webp(source: BinaryIO) -> tuple[int, int]:
    """Width and height of a WebP, or nothing where it does not tell (RFC 9649, sections 2.4 to 2.7)."""
    source.seek(12)
    head = source.read(18)
    form = head[:4]
    if form == b"VP8X":
        return 1 + int.from_bytes(head[12:15], "little"), 1 + int.from_bytes(head[15:18], "little")
    if form == b"VP8L":
        bits = int.from_bytes(head[9:13], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(head[14:16], "little") & 0x3FFF, int.from_bytes(head[16:18], "little") & 0x3FFF
