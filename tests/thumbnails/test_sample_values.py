"""Sample values, normalised before they are mixed: grey with many bits, palettes, transparency."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, TiffImagePlugin

from cloudsvc.thumbnails.worker.samples import Meaning, shrink
from tests.support.sample_media import QUARTERS, draw, encode, format_chunk, insert_chunks, read_quarters
from tests.support.thumbnails.in_process import make, read_shades

SIZE = (320, 240)
RAMP = [round(255 * column / (SIZE[0] - 1)) for column in range(SIZE[0])]
QUARTER_SHADES = [64, 191, 64, 191]


def write_tiff(samples: bytes, bits: int, *, order: str = "<", sample_format: int = 1, photometric: int = 1) -> bytes:
    """A TIFF of one strip of grey numbers (TIFF 6.0), of the size of the ramp."""
    tags = {
        256: (4, SIZE[0]), 257: (4, SIZE[1]), 258: (3, bits), 259: (3, 1), 262: (3, photometric), 273: (4, 8),
        277: (3, 1), 278: (4, SIZE[1]), 279: (4, len(samples)), 339: (3, sample_format),
    }  # fmt: skip  # four to a line
    directory = struct.pack(f"{order}H", len(tags))
    for tag, (kind, value) in tags.items():
        directory += struct.pack(f"{order}HHI", tag, kind, 1)
        directory += struct.pack(f"{order}I", value) if kind == 4 else struct.pack(f"{order}HH", value, 0)
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, 8 + len(samples))
    return head + samples + directory + bytes(4)


def pack(form: str, scale: Callable[[int], Any], order: str = "<") -> bytes:
    """The ramp, each number of it as ``scale`` makes it."""
    return struct.pack(f"{order}{SIZE[0]}{form}", *(scale(shade) for shade in RAMP)) * SIZE[1]


def pack_twelve(shades: list[int]) -> bytes:
    """Numbers of twelve bits, two in three bytes."""
    numbers = [shade * 4095 // 255 for shade in shades]
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return b"".join((one << 12 | other).to_bytes(3, "big") for one, other in pairs) * SIZE[1]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("bits", "form", "sample_format", "scale"),
    [
        (16, "H", 1, lambda shade: shade * 257),
        (16, "h", 2, lambda shade: shade * 257 - 32768),
        (32, "I", 1, lambda shade: shade * 257),
        (32, "I", 1, lambda shade: shade * 16_843_009),
        (32, "i", 2, lambda shade: shade),
        (32, "i", 2, lambda shade: shade * 1_000_000 - 9),
        (32, "f", 3, lambda shade: shade / 255),
        (32, "f", 3, float),
        (32, "f", 3, lambda shade: shade * 257.0),
        (32, "f", 3, lambda shade: shade / 100 - 1),
    ],
    ids=["words", "signed words", "small", "all", "smaller", "any", "fractions", "as bytes", "as words", "whatever"],
)
def test_numbers_of_many_bits(
    bits: int, form: str, sample_format: int, scale: Callable[[int], Any], order: str
) -> None:
    content = write_tiff(pack(form, scale, order), bits, order=order, sample_format=sample_format)
    assert read_shades(content) == pytest.approx(QUARTER_SHADES, abs=4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_of_twelve_bits(order: str) -> None:
    assert read_shades(write_tiff(pack_twelve(RAMP), 12, order=order)) == pytest.approx(QUARTER_SHADES, abs=4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("bits", "form", "scale"), [(16, "H", 257), (8, "B", 1)])
def test_what_is_dark_where_numbers_are_high(bits: int, form: str, scale: int, order: str) -> None:
    samples = pack(form, lambda shade: (255 - shade) * scale, order)
    assert read_shades(write_tiff(samples, bits, order=order, photometric=0)) == pytest.approx(QUARTER_SHADES, abs=4)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, float("nan"), float("inf")])
def test_plain_numbers(value: float) -> None:
    expected = {0.0: 0, 0.5: 128, 1.0: 255}.get(value)
    shades = read_shades(write_tiff(pack("f", lambda _: value), 32, sample_format=3))
    assert expected is None or shades == pytest.approx([expected] * 4, abs=2)


def test_many_rows_are_settled_piece_by_piece() -> None:
    picture = draw(3000, 2400, mode="P")
    assert read_quarters(shrink(picture, (64, 48), Meaning())) == QUARTERS


@pytest.mark.parametrize("size", [SIZE, (64, 48)])
def test_a_palette_with_transparency(size: tuple[int, int]) -> None:
    picture = draw(*size).quantize(8).convert("PA")
    picture.putalpha(255)
    assert read_quarters(make(encode(picture, "TIFF"))) == QUARTERS
    alpha = Image.new("L", size, 255)
    alpha.paste(0, (0, 0, size[0] // 2, size[1] // 2))
    picture.putalpha(alpha)
    assert read_quarters(make(encode(picture, "TIFF"))) == ("white", *QUARTERS[1:])


def write_png(depth: int, form: int, rows: bytes, *chunks: bytes) -> bytes:
    """A PNG of a ramp's size; each row begins with its filter, which is none."""
    header = format_chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE, depth, form, 0, 0, 0))
    import zlib  # noqa: PLC0415 - only here

    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + b"".join(chunks)
        + format_chunk(b"IDAT", zlib.compress(rows))
        + format_chunk(b"IEND", b"")
    )


def test_the_key_colour_of_black_and_white() -> None:
    """Every second column is transparent black, the others are white: nothing of it is dark."""
    for key, row in ((0, b"\0" + b"\x55" * 40), (1, b"\0" + b"\xaa" * 40)):
        content = write_png(1, 0, row * SIZE[1], format_chunk(b"tRNS", struct.pack(">H", key)))
        expected = 255 if key == 0 else 0
        shades = read_shades(content)
        # White behind black columns is grey, and nothing but white behind white ones.
        assert shades == pytest.approx([255] * 4 if expected else [128] * 4, abs=6)


@pytest.mark.parametrize(("depth", "byte", "key"), [(2, 0x44, 1), (4, 0x77, 7), (8, 0x77, 0x77)])
def test_the_key_colour_of_grey(depth: int, byte: int, key: int) -> None:
    rows = (b"\0" + bytes([byte]) * (SIZE[0] * depth // 8)) * SIZE[1]
    content = write_png(depth, 0, rows, format_chunk(b"tRNS", struct.pack(">H", key)))
    expected = 255 if depth > 2 else 128
    assert read_shades(content) == pytest.approx([expected] * 4, abs=6)
    assert max(read_shades(write_png(depth, 0, rows))) < 160


def test_the_key_colour_of_sixteen_bits() -> None:
    """One that only begins with the same byte is another colour."""
    rows = (b"\0" + struct.pack(">H", 0x1234) * SIZE[0]) * SIZE[1]
    assert read_shades(write_png(16, 0, rows, format_chunk(b"tRNS", b"\x12\x34"))) == [255] * 4
    assert max(read_shades(write_png(16, 0, rows, format_chunk(b"tRNS", b"\x12\x35")))) < 25
    red = (b"\0" + struct.pack(">3H", 0xF012, 0x1034, 0x1056) * SIZE[0]) * SIZE[1]
    assert read_shades(write_png(16, 2, red, format_chunk(b"tRNS", red[1:7]))) == [255] * 4


def test_the_key_colour_of_colours() -> None:
    content = insert_chunks(encode(draw(*SIZE), "PNG"), format_chunk(b"tRNS", struct.pack(">3H", 220, 30, 30)))
    assert read_quarters(make(content)) == ("white", *QUARTERS[1:])


def test_transparency_that_is_none() -> None:
    """Many programs write a fourth channel into a BMP (BITMAPV4HEADER) and leave it empty."""
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    for alpha, expected in ((0, QUARTERS), (255, QUARTERS)):
        pixels = draw(*SIZE).convert("RGBA")
        pixels.putalpha(alpha)
        body = pixels.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
        info = struct.pack("<IiiHHIIiiII", 108, *SIZE, 1, 32, 3, len(body), 2835, 2835, 0, 0) + masks
        info = info.ljust(108, b"\0")
        head = b"BM" + struct.pack("<IHHI", 14 + len(info) + len(body), 0, 0, 14 + len(info))
        assert read_quarters(make(head + info + body)) == expected


def test_half_transparent_edges_keep_their_colour() -> None:
    """Columns of red, and of a transparent black that must not darken them."""
    picture = Image.new("RGBA", SIZE, (220, 30, 30, 255))
    for column in range(0, SIZE[0], 2):
        picture.paste((0, 0, 0, 0), (column, 0, column + 1, SIZE[1]))
    thumbnail = make(encode(picture, "PNG"))
    # Half of it is red, and the other half the white behind it.
    assert thumbnail.getpixel((32, 24)) == pytest.approx((238, 142, 142), abs=8)


def test_pillow_still_lacks_what_is_added() -> None:
    """The control: once it reads these by itself, the table can go."""
    layouts = [key for key in TiffImagePlugin.OPEN_INFO if key[:2] == (b"MM", 1) and key[4] == (12,)]
    assert len(layouts) == 1
    assert Image.open(io.BytesIO(write_tiff(pack_twelve(RAMP), 12, order=">"))).mode == "I;16"
