"""Decoding: what a thumbnail shows, whatever the image is like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from cloudsvc.thumbnails.worker.decoded import Refused
from cloudsvc.thumbnails.worker.decoding import load_decoders
from cloudsvc.thumbnails.worker.kinds import FileKind
from tests.support.sample_media import (
    COLOURS,
    QUARTERS,
    decode,
    draw,
    encode,
    make_black,
    make_film,
    make_sound,
    read_quarters,
    turn,
)
from tests.support.thumbnails.in_process import convert, make, read_shades

SECRET = b"a secret place"
ORIENTATION, GPS, GPS_AREA, MAKER = 0x112, 0x8825, 0x1C, 0x10F

TURNED = {
    1: ("red", "green", "blue", "white"),
    2: ("green", "red", "white", "blue"),
    3: ("white", "blue", "green", "red"),
    4: ("blue", "white", "red", "green"),
    5: ("red", "blue", "green", "white"),
    6: ("blue", "red", "white", "green"),
    7: ("white", "green", "blue", "red"),
    8: ("green", "white", "red", "blue"),
}
"""How the quarters are to be shown for each orientation (CIPA DC-008, Exif 2.3, section 4.6.4.A)."""


def lie(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_it_is_the_right_way_up(form: str, orientation: int) -> None:
    thumbnail = make(encode(draw(), form, exif=lie(orientation)))
    assert thumbnail.size == ((64, 48) if orientation < 5 else (48, 64))
    assert read_quarters(thumbnail) == TURNED[orientation]


@pytest.mark.parametrize(("degrees", "orientation"), [(90, 6), (180, 3), (270, 8)])
def test_a_film_is_the_right_way_up(degrees: int, orientation: int) -> None:
    thumbnail = make(turn(make_film("mp4", "libx264"), degrees))
    assert read_quarters(thumbnail) == TURNED[orientation]
    assert thumbnail.size == ((64, 48) if degrees == 180 else (48, 64))


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_metadata_do_not_matter(exif: bytes) -> None:
    assert read_quarters(make(encode(draw(), "JPEG", exif=exif))) == QUARTERS


def test_metadata_of_a_film_that_are_no_text_do_not_matter() -> None:
    content = make_film("mp4", "libx264", title="a title")
    assert b"a title" in content
    assert read_quarters(make(content.replace(b"a title", b"a \xff\xfe\xfdle"))) == QUARTERS


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"quality": 90}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {"interlace": 1}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
    ],
)
@pytest.mark.parametrize("size", [(160, 120), (1600, 1200)])
def test_codings(form: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    thumbnail = make(encode(draw(*size), form, **options))
    assert (thumbnail.size, read_quarters(thumbnail)) == ((64, 48), QUARTERS)


@pytest.mark.parametrize(
    ("form", "mode"),
    [("JPEG", "CMYK"), ("TIFF", "CMYK"), ("TIFF", "YCbCr"), ("TIFF", "LAB"), ("PNG", "P"), ("GIF", "P")],
)
@pytest.mark.parametrize("size", [(160, 120), (1600, 1200)])
def test_colours(form: str, mode: str, size: tuple[int, int]) -> None:
    thumbnail = make(encode(draw(*size, mode=mode), form))
    assert (thumbnail.mode, read_quarters(thumbnail)) == ("RGB", QUARTERS)


@pytest.mark.parametrize("size", [(160, 120), (1600, 1200)])
@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "L"), ("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "F"), ("PNG", "LA")]
)
def test_greys(form: str, mode: str, size: tuple[int, int]) -> None:
    grey = draw(*size, mode="L")
    picture = grey.convert("I").point(lambda value: value * 257).convert(mode) if mode == "I;16" else grey.convert(mode)
    assert read_shades(encode(picture, form)) == pytest.approx(read_shades(encode(grey, "PNG")), abs=3)


@pytest.mark.parametrize("mode", ["P", "1"])
def test_pixels_of_few_colours_are_blended(mode: str) -> None:
    """Of stripes of one pixel, a thumbnail that only picked pixels would show one colour."""
    stripes = Image.new("L", (640, 640))
    stripes.putdata([255 * (x % 2) for _ in range(640) for x in range(640)])
    assert read_shades(encode(stripes.convert(mode), "PNG")) == pytest.approx([128] * 4, abs=8)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "AVIF", "TIFF", "GIF"])
@pytest.mark.parametrize("size", [(160, 120), (1600, 1200)])
def test_what_is_transparent_is_white(form: str, size: tuple[int, int]) -> None:
    picture = draw(*size, mode="RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, size[0] // 2, size[1] // 2))
    assert read_quarters(make(encode(picture, form))) == ("white", "green", "blue", "white")


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_a_transparent_colour_is_white(mode: str) -> None:
    picture = draw().quantize(8) if mode == "P" else draw(mode=mode)
    colour = picture.getpixel((10, 10))
    thumbnail = make(encode(picture, "PNG", transparency=colour))
    assert thumbnail.getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "AVIF", "PNG", "TIFF"])
def test_of_several_pictures_the_first_is_shown(form: str) -> None:
    black = Image.new("RGB", (160, 120))
    assert read_quarters(make(encode(draw(), form, save_all=True, append_images=[black, black]))) == QUARTERS


@pytest.mark.parametrize("size", [(1, 1), (2, 64), (64, 64), (63, 1)])
def test_what_is_small_stays_as_it_is(size: tuple[int, int]) -> None:
    assert make(encode(Image.new("RGB", size), "PNG")).size == size


@pytest.mark.parametrize(("size", "expected"), [((65, 65), (64, 64)), ((6400, 1), (64, 1)), ((1, 6400), (1, 64))])
def test_the_longer_side_is_bounded(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert make(encode(Image.new("RGB", size), "PNG")).size == expected


def say_everything(form: str) -> bytes:
    """A picture with a secret in each of its metadata."""
    exif = Image.Exif()
    exif[MAKER] = SECRET.decode()
    exif.get_ifd(GPS)[GPS_AREA] = SECRET
    if form == "PNG":
        texts = PngInfo()
        texts.add_text("comment", SECRET.decode())
        return encode(draw(), form, pnginfo=texts, exif=exif)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    comment = {"comment": SECRET} if form in {"JPEG", "GIF"} else {}
    return encode(draw(), form, exif=exif, xmp=SECRET, icc_profile=profile, **comment)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF"])
def test_nothing_is_told_of_where_and_when(form: str) -> None:
    content = say_everything(form)
    assert SECRET in content
    thumbnail = convert(content)
    assert SECRET not in thumbnail
    assert {*decode(thumbnail).info} == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("make_content", "verdict"),
    [
        (lambda: b"nothing of the kind", "UNSUPPORTED"),
        (make_sound, "UNSUPPORTED"),
        (lambda: make_black(10_001, 10_000), "TOO_LARGE"),
        (lambda: make_black(20_000, 10_000), "TOO_LARGE"),
    ],
)
def test_refusals(make_content: Callable[[], bytes], verdict: str) -> None:
    with pytest.raises(Refused, match=verdict):
        convert(make_content())


def test_all_decoders_can_be_loaded_ahead() -> None:
    for kind in (
        FileKind("PNG", is_still=True),
        FileKind("HEIF", is_still=True),
        FileKind("mov", is_still=False),
    ):
        load_decoders(kind)
    assert {"JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"} <= {*Image.OPEN}


def test_colours_are_told_apart() -> None:
    """The control of these tests."""
    assert read_quarters(draw()) == QUARTERS
    assert read_quarters(draw().rotate(180)) != QUARTERS
    assert len({*COLOURS.values()}) == len(QUARTERS)
