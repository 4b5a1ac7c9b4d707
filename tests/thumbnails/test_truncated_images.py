"""Truncated and padded images: whole ones are shown, others are not, and nothing takes for ever."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from cloudsvc.thumbnails.worker.jpeg import MAX_SCANS, outline
from cloudsvc.thumbnails.worker.pieces import Piece, piece_together
from tests.support.sample_media import (
    QUARTERS,
    claim_size,
    draw,
    encode,
    format_chunk,
    insert_chunks,
    make_black,
    read_quarters,
    repeat_last_scan,
)
from tests.support.thumbnails.in_process import judge, make

LARGE = zlib.compress(b"text " * 250_000)
HUGE = zlib.compress(bytes(100 * 2**20))


def damage(chunk: bytes) -> bytes:
    """The same with another checksum."""
    return chunk[:-4] + bytes(byte ^ 0xFF for byte in chunk[-4:])


TURNED = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0"
"""Exif with an orientation, and nothing else."""

CHUNKS = {
    "large iCCP": format_chunk(b"iCCP", b"profile\0\0" + LARGE),
    "huge iCCP": format_chunk(b"iCCP", b"profile\0\0" + HUGE),
    "large zTXt": format_chunk(b"zTXt", b"Comment\0\0" + LARGE),
    "huge zTXt": format_chunk(b"zTXt", b"Comment\0\0" + HUGE),
    "large iTXt": format_chunk(b"iTXt", b"Comment\0\1\0\0\0" + LARGE),
    "many zTXt": format_chunk(b"zTXt", b"Comment\0\0" + LARGE) * 80,
    "large tEXt": format_chunk(b"tEXt", b"Comment\0" + b"text " * 500_000),
    "method of zTXt": format_chunk(b"zTXt", b"Comment\0\7" + LARGE),
    "no name": format_chunk(b"tEXt", b""),
    "animation": format_chunk(b"acTL", b"\0"),
    "frame": format_chunk(b"fcTL", bytes(26)),
    **{
        f"checksum of {name.decode()}": damage(format_chunk(name, content))
        for name, content in (
            (b"tEXt", b"Comment\0text"),
            (b"zTXt", b"Comment\0\0" + LARGE),
            (b"iTXt", b"Comment\0\0\0\0\0text"),
            (b"iCCP", b"profile\0\0" + LARGE),
            (b"gAMA", struct.pack(">I", 100_000)),
            (b"cHRM", bytes(32)),
            (b"sRGB", b"\0"),
            (b"pHYs", bytes(9)),
            (b"tIME", bytes(7)),
            (b"bKGD", bytes(6)),
            (b"eXIf", encode(draw(), "PNG")[:20]),
            (b"tRNS", bytes(6)),
            (b"acTL", struct.pack(">II", 2, 0)),
            (b"prIv", b"anything"),
        )
    },
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_that_are_not_vital(name: str) -> None:
    content = encode(draw(), "PNG")
    assert read_quarters(make(insert_chunks(content, CHUNKS[name]))) == QUARTERS
    end = format_chunk(b"IEND", b"")
    assert content.endswith(end)
    assert read_quarters(make(content[: -len(end)] + CHUNKS[name] + end)) == QUARTERS
    assert read_quarters(make(content[: -len(end)])) == QUARTERS


RAW = b"\nexif\n%8d\n%s" % (len(TURNED), TURNED.hex().encode())
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'


@pytest.mark.parametrize(
    "text",
    [
        format_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        format_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)),
        format_chunk(
            b"zTXt",
            b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%8d\n%s" % (len(TURNED), TURNED.hex().encode())),
        ),
    ],
    ids=["XMP", "packed XMP", "Exif in hexadecimal"],
)
def test_texts_that_tell_which_way_up(text: bytes) -> None:
    """Among all that are left out: before the others, and behind them."""
    for chunks in ([text], [CHUNKS["huge zTXt"], text], [text, CHUNKS["large iTXt"]]):
        assert read_quarters(make(insert_chunks(encode(draw(), "PNG"), *chunks))) == tuple(reversed(QUARTERS))
    huge = format_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP + bytes(2**21)))
    assert read_quarters(make(insert_chunks(encode(draw(), "PNG"), huge))) == QUARTERS


def test_a_damaged_vital_chunk() -> None:
    content = encode(draw(), "PNG")
    header = content[8:33]
    assert judge(content.replace(header, damage(header))) == "DAMAGED"
    palette = encode(draw(mode="P"), "PNG")
    start = palette.index(b"PLTE")
    end = start + 8 + int.from_bytes(palette[start - 4 : start], "big")
    assert judge(palette[: end - 4] + bytes(4) + palette[end:]) == "DAMAGED"


@pytest.mark.parametrize("size", [(160, 120), (801, 603)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quality": 100, "subsampling": 0},
        {"restart_marker_blocks": 7},
        {"progressive": True},
        {"progressive": True, "restart_marker_rows": 1},
    ],
    ids=["plain", "fine", "restarting", "progressive", "both"],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_end(mode: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    content = encode(draw(*size, mode=mode), "JPEG", **options)
    assert content.endswith(b"\xff\xd9")
    whole = make(content)
    for left in (content[:-2], content[:-1], content[:-2] + bytes(100)):
        assert make(left).tobytes() == whole.tobytes()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    "options", [{}, {"subsampling": 0, "quality": 95}, {"progressive": True}], ids=["plain", "fine", "progressive"]
)
def test_a_jpeg_that_is_cut_off(options: dict[str, Any], share: float) -> None:
    content = encode(Image.effect_noise((800, 600), 60), "JPEG", **options)
    # Of the last scan of a progressive one nobody sees that it is cut off.
    last = content.rindex(b"\xff\xda") if "progressive" in options else len(content)
    assert judge(content[: int(last * share)]) == "DAMAGED"


@pytest.mark.parametrize(
    ("form", "left"), [("PNG", 0.7), ("GIF", 0.5), ("WEBP", 0.5), ("TIFF", 0.5), ("BMP", 0.5), ("AVIF", 0.7)]
)
def test_what_is_cut_off_is_damaged(form: str, left: float) -> None:
    content = encode(Image.effect_noise((400, 300), 60).convert("RGB"), form)
    assert judge(content[: int(len(content) * left)]) == "DAMAGED"


def test_scans_are_counted() -> None:
    content = encode(draw(), "JPEG", progressive=True)
    scans = outline(io.BytesIO(content)).scans
    assert 6 <= scans <= 12
    assert outline(io.BytesIO(repeat_last_scan(content, 5))).scans == scans + 5
    assert outline(io.BytesIO(repeat_last_scan(content, 5000))).scans == MAX_SCANS + 1
    assert read_quarters(make(repeat_last_scan(content, 20))) == QUARTERS
    assert judge(repeat_last_scan(content, MAX_SCANS)) == "TOO_LARGE"


def test_markers_are_counted() -> None:
    content = encode(draw(), "JPEG")
    comment = b"\xff\xfe\0\4ab"
    assert read_quarters(make(content[:2] + comment * 1000 + content[2:])) == QUARTERS
    assert judge(content[:2] + comment * 100_000 + content[2:]) == "TOO_LARGE"
    assert judge(content[:2] + b"\xff\xd8" * 100_000 + content[2:]) == "TOO_LARGE"


def test_scans_of_a_large_picture_are_few() -> None:
    content = repeat_last_scan(encode(draw(), "JPEG", progressive=True), 60)
    assert read_quarters(make(content)) == QUARTERS
    large = claim_size(content, 10_000, 10_000)
    assert judge(large) == "TOO_LARGE"
    small = content[content.index(b"\xff\xc2") :][:19]
    assert judge(large[:-2] + small + large[-2:]) == "TOO_LARGE"


def test_a_picture_that_has_to_be_gathered_may_be_too_large_for_the_memory() -> None:
    content = encode(Image.new("L", (64, 64)), "JPEG", progressive=True)
    assert judge(claim_size(content, 2000, 60_000)) != "TOO_LARGE"
    assert judge(claim_size(content, 7000, 60_000)) == "TOO_LARGE"


def test_what_is_decoded_to_a_fraction_may_be_larger() -> None:
    """Up to the largest sensors of telephones; what is decoded whole may not."""
    large = encode(Image.new("L", (16_384, 12_288)), "JPEG")
    assert make(large).size == (64, 48)
    assert judge(claim_size(large, 16_400, 12_288)) == "TOO_LARGE"
    assert judge(make_black(10_001, 10_000)) == "TOO_LARGE"


def test_a_file_of_pieces_reads_as_one() -> None:
    source = io.BytesIO(bytes(range(200)))
    whole = bytes(range(10, 20)) + b"between" + bytes(range(150, 200))
    file = piece_together(source, [Piece(10, 10), b"between", Piece(150, 50), Piece(200, 0)])
    assert file.read() == whole
    for start in range(len(whole) + 2):
        file.seek(start)
        assert file.read(9) == whole[start : start + 9]
        assert file.tell() == min(start + 9, max(start, len(whole)))
    assert file.seek(-3, io.SEEK_END) == len(whole) - 3
    assert file.read() == whole[-3:]
