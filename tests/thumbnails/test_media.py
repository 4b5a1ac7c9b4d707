"""Films and sound: the first frame that is shown, as players show it, and the covers of records."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

import pytest
from PIL import Image

from tests.support.sample_media import (
    QUARTERS,
    cut,
    draw,
    encode,
    format_picture_block,
    make_film,
    make_song,
    read_quarters,
)
from tests.support.thumbnails.in_process import judge, make
from tests.thumbnails.test_decoding import TURNED

ONE = 1 << 16
DIRECTIONS = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
"""The display matrix of each orientation: where right and down go."""

BLACK = Image.new("RGB", (160, 120))


@pytest.mark.parametrize("orientation", DIRECTIONS)
@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_a_film_is_the_right_way_up(container: str, orientation: int) -> None:
    a, b, c, d = DIRECTIONS[orientation]
    display = (a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)
    thumbnail = make(make_film(container, "libx264", display=display))
    assert read_quarters(thumbnail) == TURNED[orientation]
    assert thumbnail.size == ((64, 48) if orientation < 5 else (48, 64))


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [
        ((360, 288), Fraction(64, 45), (200, 113)),
        ((320, 240), Fraction(1, 2), (133, 200)),
        ((64, 48), Fraction(2, 1), (128, 48)),
        ((160, 120), Fraction(1, 1), (160, 120)),
    ],
)
@pytest.mark.parametrize(("container", "codec"), [("mp4", "libx264"), ("matroska", "libx264"), ("avi", "mpeg4")])
def test_pixels_that_are_no_squares(
    container: str, codec: str, size: tuple[int, int], aspect: Fraction, expected: tuple[int, int]
) -> None:
    thumbnail = make(make_film(container, codec, picture=draw(*size), aspect=aspect), 200)
    assert (thumbnail.size, read_quarters(thumbnail)) == (expected, QUARTERS)


def test_wide_pixels_of_a_film_that_is_turned() -> None:
    display = (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30)
    thumbnail = make(make_film("mp4", "libx264", picture=draw(360, 288), aspect=Fraction(64, 45), display=display), 200)
    assert (thumbnail.size, read_quarters(thumbnail)) == ((113, 200), TURNED[6])


@pytest.mark.parametrize("ahead", ["0", "3"])
@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_a_film_that_was_trimmed_without_coding_it_anew(container: str, ahead: str) -> None:
    """What was cut away is only there to be decoded, and not shown."""
    options = {"g": "250", "bf": ahead}
    film = make_film("mp4", "libx264", picture=BLACK, frames=75, later=(40, draw()), options=options)
    assert read_quarters(make(film)) == ("(0, 0, 0)",) * 4
    trimmed = cut(film, container, before=50)
    assert b"elst" in trimmed
    assert read_quarters(make(trimmed)) == QUARTERS


@pytest.mark.parametrize("drop", [1, 10])
@pytest.mark.parametrize("container", ["mp4", "matroska", "flv", "mpegts"])
def test_a_film_that_begins_in_the_middle(container: str, drop: int) -> None:
    options = {"g": "50", "bf": "0"}
    film = make_film("mp4", "libx264", picture=BLACK, frames=75, later=(40, draw()), options=options)
    assert read_quarters(make(cut(film, container, drop=drop))) == QUARTERS


def test_a_film_without_a_frame_that_needs_no_other() -> None:
    """Never a wrong picture: what is decoded from the middle of a film is grey with moving edges."""
    film = make_film("mp4", "mpeg4", frames=20, options={"g": "50", "bf": "0"})
    assert judge(cut(film, "matroska", drop=1)) in {"DAMAGED", "MADE"}


def move_samples(content: bytes, distance: int) -> bytes:
    """A film with the addresses of its samples (``stco``) as they are when all of it is so much further on."""
    start = content.index(b"stco") + 8
    count = int.from_bytes(content[start : start + 4], "big")
    addresses = struct.unpack_from(f">{count}I", content, start + 4)
    moved = struct.pack(f">{count}I", *(address + distance for address in addresses))
    return content[: start + 4] + moved + content[start + 4 + len(moved) :]


def split_boxes(content: bytes) -> dict[bytes, bytes]:
    boxes, start = {}, 0
    while start < len(content):
        size = int.from_bytes(content[start : start + 4], "big")
        boxes[content[start + 4 : start + 8]] = content[start : start + size]
        start += size
    return boxes


FILM = make_film("mov", "libx264")
PARTS = split_boxes(FILM)
HEAD = len(PARTS[b"ftyp"])


@pytest.mark.parametrize("type_", [b"wide", b"free", b"skip", b"pnot"])
def test_films_that_begin_with_another_atom(type_: bytes) -> None:
    """Older ones have no ``ftyp``, and some have something before it."""
    for size in (8, 20, 5000):
        first = struct.pack(">I4s", size, type_) + bytes(size - 8)
        assert read_quarters(make(first + move_samples(FILM, size))) == QUARTERS
        assert read_quarters(make(first + move_samples(FILM[HEAD:], size - HEAD))) == QUARTERS
    long = struct.pack(">I4sQ", 1, type_, 16)
    assert read_quarters(make(long + move_samples(FILM, 16))) == QUARTERS


def test_films_without_a_type() -> None:
    bare = HEAD + len(PARTS[b"wide"])
    assert read_quarters(make(move_samples(FILM[HEAD:], -HEAD))) == QUARTERS
    assert read_quarters(make(move_samples(FILM[bare:], -bare))) == QUARTERS
    first = PARTS[b"moov"] + PARTS[b"mdat"]
    assert read_quarters(make(move_samples(first, len(PARTS[b"moov"]) - bare))) == QUARTERS


@pytest.mark.parametrize(
    "content",
    [
        struct.pack(">I4s", 8, b"wide"),
        struct.pack(">I4s", 8, b"free") * 20_000,
        struct.pack(">I4s", 0, b"mdat") + bytes(100),
        struct.pack(">I4s", 7, b"moov"),
        b"free text, and nothing else in it but text",
        b"\0\0\0\x08skip this line",
    ],
)
def test_what_only_begins_like_a_film(content: bytes) -> None:
    assert judge(content) == "UNSUPPORTED"


def test_transport_streams() -> None:
    content = make_film("mpegts", "libx264")
    assert read_quarters(make(content)) == QUARTERS
    timed = b"".join(bytes(4) + content[start : start + 188] for start in range(0, len(content), 188))
    assert read_quarters(make(timed)) == QUARTERS


def test_what_is_transparent_is_white() -> None:
    picture = draw(mode="RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 80, 60))
    content = make_film("mov", "qtrle", picture=picture, form="argb")
    assert read_quarters(make(content)) == ("white", *QUARTERS[1:])


JPEG, PNG = encode(draw(), "JPEG"), encode(draw(), "PNG")
BACK = encode(BLACK, "JPEG")


@pytest.mark.parametrize(
    ("container", "codec"), [("mp3", "libmp3lame"), ("flac", "flac"), ("mp4", "aac"), ("matroska", "aac")]
)
def test_covers(container: str, codec: str) -> None:
    assert read_quarters(make(make_song(container, codec, ("mjpeg", JPEG)))) == QUARTERS
    assert judge(make_song(container, codec)) == "UNSUPPORTED"
    if container != "matroska":
        assert read_quarters(make(make_song(container, codec, ("png", PNG)))) == QUARTERS


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("flac", "flac")])
def test_the_front_cover_goes_first(container: str, codec: str) -> None:
    assert read_quarters(make(make_song(container, codec, ("mjpeg", BACK), ("mjpeg", JPEG)))) == QUARTERS


def take_tag() -> bytes:
    """A tag with a cover, as it stands before the sound in MP3 (ID3v2)."""
    content = make_song("mp3", "libmp3lame", ("mjpeg", JPEG))
    length = sum((byte & 0x7F) << shift for byte, shift in zip(content[6:10], (21, 14, 7, 0), strict=True))
    return content[: 10 + length]


def test_covers_in_tags_of_other_sounds() -> None:
    tag = take_tag()
    padded = tag + bytes(len(tag) % 2)
    wave = make_song("wav", "pcm_s16le") + b"id3 " + struct.pack("<I", len(tag)) + padded
    aiff = make_song("aiff", "pcm_s16be") + b"ID3 " + struct.pack(">I", len(tag)) + padded
    opus = make_song("ogg", "libopus", METADATA_BLOCK_PICTURE=format_picture_block(JPEG))
    for content in (
        wave[:4] + struct.pack("<I", len(wave) - 8) + wave[8:],
        aiff[:4] + struct.pack(">I", len(aiff) - 8) + aiff[8:],
        opus,
        tag + make_song("flac", "flac"),
        tag + make_song("adts", "aac"),
    ):
        assert read_quarters(make(content)) == QUARTERS
    for bare in (make_song("adts", "aac"), make_song("wav", "pcm_s16le"), make_song("mp3", "libmp3lame")):
        assert judge(bare) == "UNSUPPORTED"


@pytest.mark.parametrize("cover", [b"not a picture", b"<svg/>", FILM, b"%!PS-Adobe"])
def test_a_cover_is_a_picture_and_nothing_else(cover: bytes) -> None:
    """The bytes of a cover are as untrusted as those of a file, and go to no decoder that a file does not go to."""
    content: Any = make_song("mp3", "libmp3lame", ("mjpeg", JPEG))
    at = content.index(JPEG)
    content = content[:at] + cover[: len(JPEG)].ljust(len(JPEG), b"\0") + content[at + len(JPEG) :]
    assert judge(content) in {"UNSUPPORTED", "DAMAGED"}
