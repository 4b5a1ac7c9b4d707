"""Media types by file name."""

from __future__ import annotations

import mimetypes

import pytest

from cloudsvc.core import file_types
from cloudsvc.core.file_types import TYPES, find_type


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.png", "image/png"),
        ("A.JPG", "image/jpeg"),
        ("a.heic", "image/heic"),
        ("a.mkv", "video/matroska"),
        ("a.3gp", "video/3gpp"),
        ("a.m4v", "video/mp4"),
        ("a.mts", "video/mp2t"),
        ("a.m4a", "audio/mp4"),
        ("a.ogg", "audio/ogg"),
        ("a.opus", "audio/ogg"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.odt", "application/vnd.oasis.opendocument.text"),
        ("a.md", "text/markdown"),
        ("a.csv", "text/csv"),
        ("a.js", "text/javascript"),
        ("a.tar.gz", "application/gzip"),
        ("a.svgz", "application/gzip"),
        ("a.woff2", "font/woff2"),
        ("a.epub", "application/epub+zip"),
        ("a.stl", "model/stl"),
        ("a.apk", "application/vnd.android.package-archive"),
        ("a b.c.txt", "text/plain"),
        ("a", None),
        ("", None),
        ("a.", None),
        (".png", None),
        ("a.unheard-of", None),
        ("a.png ", None),
        ("png", None),
    ],
)
def test_the_ending_tells(name: str, told: str | None) -> None:
    assert find_type(name) == told


def test_each_ending_has_one_type() -> None:
    endings = [ending for line in file_types._TABLE.splitlines() for ending in line.split()[1:]]
    assert len(endings) == len(set(endings)) == len(TYPES)
    assert all(ending == ending.lower() for ending in endings)


def test_the_table_of_the_machine_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in ("types_map", "common_types", "encodings_map", "suffix_map"):
        monkeypatch.setattr(mimetypes, table, {".png": "text/plain", ".own": "text/x-own"})
    assert (find_type("a.png"), find_type("a.own")) == ("image/png", None)
