"""The program that decodes, within its limits: every format it knows, and none that it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import Image, ImageCms

from cloudsvc.thumbnails.worker.verdicts import Verdict
from tests.support.sample_media import (
    QUARTERS,
    decode,
    draw,
    encode,
    format_chunk,
    insert_chunks,
    make_black,
    make_film,
    make_song,
    make_sound,
    read_quarters,
)
from tests.support.thumbnails.decoder_processes import work

EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0"
"""Right way up, and nothing else."""

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def judge(content: bytes) -> Verdict:
    done = work(content)
    assert done.stdout == b""
    return Verdict(done.returncode)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "MPO"])
def test_pictures(form: str) -> None:
    done = work(encode(draw(400, 300), form))
    assert (done.returncode, done.stderr) == (0, b"")
    thumbnail = decode(done.stdout)
    assert thumbnail.size == (64, 48)
    assert read_quarters(thumbnail) == QUARTERS


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("mp4", "libx264"),
        ("mp4", "hevc"),
        ("mp4", "libsvtav1"),
        ("mov", "mpeg4"),
        ("matroska", "libx264"),
        ("webm", "libvpx"),
        ("webm", "libvpx-vp9"),
        ("avi", "mpeg4"),
        ("ogg", "libvpx"),
        ("flv", "flv"),
        ("mpeg", "mpeg1video"),
        ("dvd", "mpeg2video"),
    ],
)
def test_films(container: str, codec: str) -> None:
    done = work(make_film(container, codec))
    assert (done.returncode, done.stderr) == (0, b"")
    thumbnail = decode(done.stdout)
    assert thumbnail.size == (64, 48)
    assert read_quarters(thumbnail) == QUARTERS


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: encode(draw(mode="LAB"), "TIFF"), id="Lab"),
        pytest.param(lambda: encode(draw(mode="CMYK"), "JPEG", icc_profile=SRGB), id="another profile"),
        pytest.param(lambda: encode(draw(), "PNG", icc_profile=SRGB), id="profile"),
        pytest.param(lambda: encode(draw().quantize(8).convert("PA"), "TIFF"), id="palette"),
        pytest.param(lambda: insert_chunks(encode(draw(), "PNG"), format_chunk(b"cICP", b"\x0c\x0d\0\1")), id="codes"),
        pytest.param(lambda: encode(draw(), "AVIF", exif=EXIF), id="Exif"),
        pytest.param(lambda: encode(draw(), "HEIF", tile_size=64), id="tiles"),
        pytest.param(lambda: make_song("flac", "flac", ("png", encode(draw(), "PNG"))), id="cover"),
        pytest.param(lambda: make_film("mp4", "libx265", form="yuv420p10le", matrix=9, transfer=14), id="ten bits"),
    ],
)
def test_all_that_is_done_can_be_done_within_the_limits(make: Callable[[], bytes]) -> None:
    """By nobody, who may not be allowed to read a library that is only then asked for."""
    done = work(make())
    assert done.returncode == 0
    assert read_quarters(decode(done.stdout)) == QUARTERS


@pytest.mark.parametrize("form", ["EPS", "PDF", "PPM", "TGA", "ICO", "ICNS", "PCX", "JPEG2000", "DDS", "SGI"])
def test_decoders_of_other_formats_are_never_used(form: str) -> None:
    assert judge(encode(draw(64, 64), form)) is Verdict.UNSUPPORTED


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"a text with the name of a film", id="text"),
        pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', id="SVG"),
        pytest.param(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", id="playlist"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", id="list of films"),
    ],
)
def test_neither_picture_nor_film(content: bytes) -> None:
    assert judge(content) is Verdict.UNSUPPORTED


def test_a_film_with_nothing_to_see() -> None:
    assert judge(make_sound()) is Verdict.UNSUPPORTED


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: encode(draw(800, 600), "JPEG")[:4000], id="JPEG"),
        pytest.param(lambda: encode(draw(800, 600), "PNG")[:1000], id="PNG"),
        pytest.param(lambda: make_film("mp4", "libx264")[:1000], id="MP4"),
        pytest.param(lambda: b"\0\0\0\x20ftypisom" + bytes(range(256)) * 40, id="head of an MP4"),
        pytest.param(lambda: b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 40, id="head of a Matroska"),
    ],
)
def test_damaged(make: Callable[[], bytes]) -> None:
    assert judge(make()) is Verdict.DAMAGED


def test_what_is_too_large_is_refused_for_its_head() -> None:
    bomb = make_black(13_000, 13_000)
    assert len(bomb) < 2**20
    assert judge(bomb) is Verdict.TOO_LARGE
    # Not one of its pixels is looked at.
    assert judge(bomb[:100]) is Verdict.TOO_LARGE


def test_the_largest_are_made() -> None:
    done = work(make_black(10_000, 10_000))
    assert decode(done.stdout).size == (64, 64)


def test_what_takes_more_memory_than_there_is_is_too_large() -> None:
    # Pillow keeps what it has decoded of a WebP twice.
    content = encode(Image.new("RGB", (9900, 9900)), "WEBP", method=0)
    assert judge(content) is Verdict.TOO_LARGE
