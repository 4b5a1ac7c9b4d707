"""Pictures of telephones: HEIF coded as HEVC, and AVIF, which is the same with another codec."""

from __future__ import annotations

import io
import struct
from typing import Any

import pillow_heif
import pytest
from PIL import Image

from cloudsvc.thumbnails.worker import heif
from tests.support.sample_media import QUARTERS, draw, encode, make_film, read_quarters
from tests.support.thumbnails.decoder_processes import work
from tests.support.thumbnails.in_process import judge, make
from tests.thumbnails.test_decoding import TURNED, lie


def rebrand(content: bytes, major: bytes) -> bytes:
    return content[:8] + major + content[12:]


@pytest.mark.parametrize(
    "options", [{}, {"tile_size": 512}, {"tile_size": 256, "quality": 60}, {"chroma": 444}, {"quality": -1}], ids=str
)
def test_all_of_it_is_shown(options: dict[str, Any]) -> None:
    """With its tiles, of which every one but the first is another colour."""
    done = work(encode(draw(1600, 1200), "HEIF", **options))
    assert (done.returncode, done.stderr) == (0, b"")
    with Image.open(io.BytesIO(done.stdout)) as thumbnail:
        assert thumbnail.size == (64, 48)
        assert read_quarters(thumbnail) == QUARTERS


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("tile", [0, 64])
def test_it_is_the_right_way_up(orientation: int, tile: int) -> None:
    content = encode(draw(), "HEIF", exif=lie(orientation).tobytes(), tile_size=tile)
    assert (b"irot" in content or b"imir" in content) is (orientation > 1)
    thumbnail = make(content)
    assert thumbnail.size == ((64, 48) if orientation < 5 else (48, 64))
    assert read_quarters(thumbnail) == TURNED[orientation]


@pytest.mark.parametrize("major", [b"mif1", b"miaf", b"MA1B", b"isom"])
@pytest.mark.parametrize("orientation", [1, 2, 5])
def test_an_avif_by_whichever_brand(major: bytes, orientation: int) -> None:
    content = rebrand(encode(draw(), "AVIF", exif=lie(orientation)), major)
    assert read_quarters(make(content)) == TURNED[orientation]


@pytest.mark.parametrize("major", [b"mif1", b"msf1", b"heix", b"isom"])
def test_a_heif_by_whichever_brand(major: bytes) -> None:
    content = encode(draw(), "HEIF")
    assert b"mif1" in content[16:40]
    assert read_quarters(make(rebrand(content, major))) == QUARTERS


def test_what_is_transparent_is_white() -> None:
    picture = draw(mode="RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 80, 60))
    assert read_quarters(make(encode(picture, "HEIF"))) == ("white", *QUARTERS[1:])


@pytest.mark.parametrize("mode", ["RGB;16", "RGBA;16", "L;16"])
def test_many_bits(mode: str) -> None:
    picture = draw(mode=mode.partition(";")[0])
    samples = struct.pack(f"<{len(picture.tobytes())}H", *(value * 257 for value in picture.tobytes()))
    output = io.BytesIO()
    pillow_heif.from_bytes(mode, picture.size, samples).save(output)
    expected = read_quarters(picture.convert("RGB"))
    thumbnail = make(output.getvalue())
    if mode.startswith("L"):
        pixel: Any = thumbnail.getpixel((16, 12))
        assert pixel == pytest.approx((picture.getpixel((40, 30)),) * 3, abs=4)
    else:
        assert read_quarters(thumbnail) == expected


def test_of_several_pictures_the_primary_is_shown() -> None:
    black = Image.new("RGB", (160, 120))
    for index in (0, 1):
        pictures = [black, draw()] if index else [draw(), black]
        content = encode(pictures[0], "HEIF", save_all=True, append_images=pictures[1:], primary_index=index)
        assert read_quarters(make(content)) == QUARTERS


@pytest.mark.parametrize(("small", "expected"), [(512, (512, 384)), (100, (100, 74)), (40, (1600, 1200))])
def test_of_a_large_one_the_small_copy_is_taken(
    small: int, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred million pixels would not fit: what a camera has put beside them does."""
    content = encode(draw(1600, 1200), "HEIF", thumbnails=[small])
    assert heif.load_heif(io.BytesIO(content), 64).image.size == (1600, 1200)
    monkeypatch.setattr(heif, "_LARGE_PIXELS", 1000)
    assert heif.load_heif(io.BytesIO(content), 64).image.size == expected
    assert read_quarters(make(content)) == QUARTERS


def test_damaged_and_unknown_ones() -> None:
    content = encode(draw(), "HEIF")
    assert judge(content[: len(content) // 2]) == "DAMAGED"
    assert judge(content[:40]) == "DAMAGED"
    assert judge(content.replace(b"hvc1", b"vvc1").replace(b"hvcC", b"vvcC")) in {"UNSUPPORTED", "DAMAGED"}
    assert judge(content.replace(b"pitm", b"free")) == "DAMAGED"


def test_what_only_claims_to_be_larger_than_all_sensors() -> None:
    content = encode(draw(), "HEIF")
    start = content.index(b"ispe") + 8
    claimed = content[:start] + struct.pack(">II", 30_000, 30_000) + content[start + 8 :]
    assert judge(claimed) in {"TOO_LARGE", "DAMAGED"}


def test_a_film_of_hevc_stays_a_film() -> None:
    assert read_quarters(make(make_film("mp4", "libx265", options={"x265-params": "log-level=none"}))) == QUARTERS
