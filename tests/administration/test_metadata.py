"""``metadata.json``: what is written is read, also what python-cloud-server (upstream) wrote."""

from __future__ import annotations

import io
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloudsvc.administration.faults import MetadataMissingError
from cloudsvc.administration.metadata import Metadata, MetadataWriter, read_metadata
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import EARLIEST, LATEST, Blob, BlobId, File, NodeId, Version, VersionId, format_instant
from tests.support.upstream import NOON, describe

NAMES = ["plain.txt", 'quo"te', "back\\slash", "emoji 🎉/ünï", "100%.txt", "\u202eevil"]


def make_file(path: str) -> File:
    blob = Blob(id=BlobId("0" * 32), size=5, digest=b"d" * 32)
    version = Version(id=VersionId(1), validator="v", blob=blob, media_type="text/x-odd", created_at=7, modified_at=-8)
    return File(
        id=NodeId(1),
        path=parse_path(path),
        version=version,
        tags=("a", "b c"),
        created_at=1_700_000_000_000_001,
        updated_at=1_800_000_000_999_999,
    )


@pytest.mark.parametrize("bundles", [[], [NAMES], [NAMES[:2], [], NAMES[2:]]])
def test_what_is_written_is_read(tmp_path: Path, bundles: list[list[str]]) -> None:
    stream = io.StringIO()
    writer = MetadataWriter(stream)
    for names in bundles:
        writer.add([make_file(name) for name in names])
    writer.end()
    file = tmp_path / "metadata.json"
    file.write_text(stream.getvalue(), "utf-8")
    expected = Metadata(
        media_type="text/x-odd",
        tags=("a", "b c"),
        created_at=1_700_000_000_000_001,
        updated_at=1_800_000_000_999_999,
        modified_at=-8,
    )
    assert read_metadata(file) == {name: expected for names in bundles for name in names}


def test_what_upstream_wrote_is_read(tmp_path: Path) -> None:
    file = tmp_path / "metadata.json"
    file.write_text(json.dumps({"animals/cat.png": describe("animals/cat.png", tags=["pet"])}))
    [(path, found)] = read_metadata(file).items()
    assert (path, found.media_type, found.tags) == ("animals/cat.png", "image/png", ("pet",))
    assert found.created_at == NOON


def test_local_times_that_say_utc_are_understood_when_one_says_so(tmp_path: Path) -> None:
    file = tmp_path / "metadata.json"
    file.write_text(json.dumps({"a": describe("a")}))
    assert read_metadata(file, ZoneInfo("Etc/GMT-2"))["a"].created_at == NOON - 2 * 3600 * 1_000_000


def test_paths_are_found_however_they_are_composed(tmp_path: Path) -> None:
    file = tmp_path / "metadata.json"
    file.write_text(json.dumps({"e\u0301": describe("e\u0301")}))
    assert [*read_metadata(file)] == ["\u00e9"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a": 1}', '{"a": {}}', json.dumps({"a": describe("a") | {"tags": [1]}}), '{"a": {"x": "\xff"}}'],
)
def test_what_is_something_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "metadata.json"
    file.write_text(text, "latin-1")
    with pytest.raises(MetadataMissingError, match="does not hold tags"):
        read_metadata(file)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read"):
        read_metadata(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0001-01-01T00:00:00+14:00", EARLIEST),
        ("1601-01-01T00:00:00Z", -11_644_473_600_000_000),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-01-01T00:00:00.000001Z", 1_767_225_600_000_001),
        ("9999-12-31T23:59:59.999999-12:00", LATEST),
    ],
)
def test_dates_that_a_drive_cannot_have_become_the_nearest(tmp_path: Path, written: str, read: int) -> None:
    entry = {"mime_type": "text/plain", "uploaded_at": written, "updated_at": written}
    (tmp_path / "metadata.json").write_text(json.dumps({"a": entry}))
    for zone in (None, ZoneInfo("Etc/GMT-14"), ZoneInfo("Etc/GMT+12")):
        found = read_metadata(tmp_path / "metadata.json", zone)["a"]
        assert abs(found.updated_at - read) <= (0 if zone is None else 14 * 3_600_000_000)
        assert EARLIEST <= found.created_at <= LATEST
        assert format_instant(found.updated_at)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("image/png", "image/png"),
        ("text/plain; charset=utf-8", "text/plain;charset=utf-8"),
        ("image/png extra words", ""),
        ("text/html\r\nSet-Cookie: a=b", ""),
        ("text/html\n", ""),
        ("text/\u00fc", ""),
        ("nothing", ""),
        ("", ""),
    ],
)
def test_what_is_no_media_type_is_left_to_the_name(tmp_path: Path, written: str, read: str) -> None:
    entry = {"mime_type": written, "uploaded_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
    (tmp_path / "metadata.json").write_text(json.dumps({"a": entry}))
    assert read_metadata(tmp_path / "metadata.json")["a"].media_type == read
