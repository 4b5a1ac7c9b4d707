"""Colours of thumbnails: in sRGB, whatever the image is in."""

from __future__ import annotations

import io
import struct
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageCms

from tests.support.sample_media import QUARTERS, draw, encode, format_chunk, insert_chunks, make_film, read_quarters
from tests.support.thumbnails.in_process import CLOSE, make, read_colour

GREEN = (60, 180, 75)
P3_GREEN = (97, 178, 89)
"""The same colour in the numbers of Display P3."""

ADOBE_GREEN = (112, 179, 84)
"""In those of Adobe RGB (1998)."""

REFERENCE_WHITE = {16: 148, 18: 191}
"""What is white in HDR, in 255ths of what can be said: 58 and 75 percent (ITU-R BT.2408, table 1)."""

ADOBE_POINTS = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)


def plain(colour: tuple[int, ...] | int, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (160, 120), colour)


def make_profile(columns: tuple[tuple[float, ...], ...], gamma: float) -> bytes:
    """A profile of a display (ICC.1:2022): red, green and blue in CIE XYZ, adapted to D50, and an exponent."""
    tags: list[tuple[bytes, bytes]] = []
    for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True):
        tags.append((name, b"XYZ " + bytes(4) + struct.pack(">3i", *(round(part * 65536) for part in column))))
    curve = b"curv" + bytes(4) + struct.pack(">IHH", 1, round(gamma * 256), 0)
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return assemble(b"mntr", b"RGB ", b"XYZ ", tags)


def assemble(device: bytes, space: bytes, connection: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    """A profile of these tags, and those that every profile has."""
    white = struct.pack(">3i", 63190, 65536, 54061)
    described = b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78)
    tags = [(b"desc", described), (b"wtpt", b"XYZ " + bytes(4) + white), *tags]
    table, content, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, value in tags:
        table += struct.pack(">4sII", name, start + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    size = start + len(content)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, device, space, connection) + bytes(12)
    head += b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + content


ADOBE = make_profile(
    ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), gamma=2.19921875
)
LINEAR = make_profile(
    ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)), gamma=1.0
)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
def test_a_profile_is_applied(form: str) -> None:
    options = {"lossless": True} if form == "WEBP" else {} if form in {"PNG", "TIFF"} else {"quality": 95}
    content = encode(plain(ADOBE_GREEN), form, icc_profile=ADOBE, **options)
    assert read_colour(content) == pytest.approx(GREEN, abs=CLOSE)
    assert read_colour(encode(plain(ADOBE_GREEN), form, **options)) == pytest.approx(ADOBE_GREEN, abs=CLOSE)


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA"])
def test_a_profile_is_applied_to_whatever_has_colours(mode: str) -> None:
    if mode == "LA":
        dark = encode(plain(128, "L").convert("LA"), "PNG", icc_profile=LINEAR)
        assert read_colour(dark) == pytest.approx((188,) * 3, abs=CLOSE)
        return
    assert read_colour(encode(plain(ADOBE_GREEN).convert(mode), "PNG", icc_profile=ADOBE)) == pytest.approx(
        GREEN, abs=CLOSE
    )


@pytest.mark.parametrize(
    "profile", [b"x", bytes(200), ADOBE[:200], ADOBE[:16] + b"CMYK" + ADOBE[20:], ADOBE[:16] + b"GRAY" + ADOBE[20:]]
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_a_profile_that_makes_no_sense_is_none(form: str, profile: bytes) -> None:
    assert read_colour(encode(plain(GREEN), form, icc_profile=profile)) == pytest.approx(GREEN, abs=CLOSE)


def make_press() -> bytes:
    """A profile of a press whose first ink is yellow, the second cyan and the third magenta (ICC.1:2022, lut8Type)."""
    looks = {(0, 0): (255, 128, 128), (1, 0): (248, 107, 223), (0, 1): (145, 89, 91), (1, 1): (130, 80, 180)}
    table = bytearray()
    for inks in range(16):
        yellow, cyan, magenta, black = (inks >> shift & 1 for shift in (3, 2, 1, 0))
        lightness, red_green, blue_yellow = looks[yellow, cyan]
        if magenta:
            lightness, red_green = lightness * 3 // 5, min(255, red_green + 90)
        table += bytes([0 if black else lightness, red_green, blue_yellow])
    identity = struct.pack(">9i", *(65536 if number % 4 == 0 else 0 for number in range(9)))
    curves = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + curves * 4 + bytes(table) + curves * 3
    return assemble(b"prtr", b"CMYK", b"Lab ", [(b"A2B0", lut)])


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_a_profile_of_a_press(form: str) -> None:
    """It says what the inks look like: here, that the first is not what is usually the first."""
    profile = make_press()
    for ink, expected in (
        ((255, 0, 0, 0), (250, 250, 10)),
        ((0, 0, 0, 0), (255, 255, 255)),
        ((0, 0, 0, 255), (0, 0, 0)),
    ):
        content = encode(plain(ink, "CMYK"), form, icc_profile=profile)
        assert read_colour(content) == pytest.approx(expected, abs=25)
    assert read_colour(encode(plain((255, 0, 0, 0), "CMYK"), form))[0] < 10


def test_printed_colours() -> None:
    """Without a profile that fits, inks are taken for what they leave of white."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for form in ("JPEG", "TIFF"):
        assert read_quarters(make(encode(draw(mode="CMYK"), form, icc_profile=profile))) == QUARTERS
        assert read_quarters(make(encode(draw(mode="CMYK"), form, icc_profile=ADOBE))) == QUARTERS


@pytest.mark.parametrize(
    ("chunks", "colour"),
    [
        ([(b"cICP", bytes([12, 13, 0, 1]))], P3_GREEN),
        ([(b"gAMA", struct.pack(">I", 45470)), (b"cHRM", struct.pack(">8I", *ADOBE_POINTS))], ADOBE_GREEN),
        ([(b"gAMA", struct.pack(">I", 45455)), (b"sRGB", b"\0")], GREEN),
        ([(b"gAMA", struct.pack(">I", 100_000))], (11, 117, 18)),
        ([(b"gAMA", bytes(4))], GREEN),
        ([(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", bytes(32))], GREEN),
        ([(b"gAMA", b"1")], GREEN),
        ([(b"iCCP", b"name\0\0not packed")], GREEN),
    ],
)
def test_what_a_png_says_of_its_colours(chunks: list[tuple[bytes, bytes]], colour: tuple[int, ...]) -> None:
    content = insert_chunks(encode(plain(colour), "PNG"), *(format_chunk(*chunk) for chunk in chunks))
    assert read_colour(content) == pytest.approx(GREEN, abs=CLOSE)


def make_heif(picture: Image.Image, primaries: int, transfer: int, matrix: int = 6) -> bytes:
    output = io.BytesIO()
    pillow_heif.from_pillow(picture).save(
        output,
        quality=95,
        color_primaries=primaries,
        transfer_characteristics=transfer,
        matrix_coefficients=matrix,
        full_range_flag=1,
    )
    return output.getvalue()


def make_avif(picture: Image.Image, primaries: int, transfer: int) -> bytes:
    content = encode(picture, "AVIF", quality=95)
    start = content.index(b"nclx") + 4
    return content[:start] + struct.pack(">HH", primaries, transfer) + content[start + 4 :]


def make_hevc(picture: Image.Image, primaries: int, transfer: int) -> bytes:
    options = {"x265-params": "log-level=none:crf=5"}
    shape: Any = {"form": "yuv420p10le", "matrix": 9, "primaries": primaries, "transfer": transfer}
    return make_film("mp4", "libx265", picture=picture, options=options, **shape)


def make_avc(picture: Image.Image, primaries: int, transfer: int) -> bytes:
    shape: Any = {"matrix": 1, "primaries": primaries, "transfer": transfer}
    return make_film("mp4", "libx264", picture=picture, options={"crf": "5"}, **shape)


@pytest.mark.parametrize("code", [make_heif, make_avif, make_avc, make_hevc])
def test_wide_colours(code: Any) -> None:
    assert read_colour(code(plain(P3_GREEN), 12, 13)) == pytest.approx(GREEN, abs=CLOSE)


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize("code", [make_heif, make_avif, make_hevc])
def test_hdr_is_mapped_so_that_white_stays_white(code: Any, transfer: int) -> None:
    white = REFERENCE_WHITE[transfer]
    assert read_colour(code(plain((white,) * 3), 9, transfer)) == pytest.approx((255,) * 3, abs=CLOSE)
    assert read_colour(code(plain((255,) * 3), 9, transfer)) == (255, 255, 255)
    assert read_colour(code(plain((0,) * 3), 9, transfer)) == (0, 0, 0)
    # A quarter of the light of white, which is half as bright to the eye: 51 cd/m².
    grey = {16: 112, 18: 128}[transfer]
    assert read_colour(code(plain((grey,) * 3), 9, transfer)) == pytest.approx((137,) * 3, abs=2 * CLOSE)


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
def test_the_matrix_and_the_range_of_a_film(matrix: int, is_full: bool) -> None:  # noqa: FBT001  # a parameter of a test
    shape: Any = {"matrix": matrix, "full_range": is_full, "options": {"crf": "5"}}
    for colour in (GREEN, (220, 30, 30), (255, 255, 255), (0, 0, 0)):
        assert read_colour(make_film("mp4", "libx264", picture=plain(colour), **shape)) == pytest.approx(
            colour, abs=CLOSE
        )


def test_a_film_that_does_not_say_its_matrix() -> None:
    """Players take that of television: of small pictures the old one, of large ones the new."""
    for size, matrix in (((160, 120), 6), ((1280, 720), 1)):
        content = make_film("matroska", "libx264", picture=Image.new("RGB", size, GREEN), scaler=matrix)
        assert read_colour(content) == pytest.approx(GREEN, abs=CLOSE)
