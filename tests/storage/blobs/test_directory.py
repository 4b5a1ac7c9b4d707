"""Directory of a blob store: its own files, those of processes that are gone, and somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloudsvc.storage.blobs.layout import Layout, holds_blobs, make_blob_id


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "drive"


def leave(directory: Path, *names: str) -> Path:
    """What a process that was killed leaves: its folder with the files of these names."""
    folder = directory / "incoming" / "0123456789abcdef"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(b"half")
    return folder


def test_what_a_process_that_is_gone_has_left_is_cleared(directory: Path) -> None:
    folder = leave(directory, "lock", make_blob_id(), make_blob_id())
    places = Layout.open(directory)
    try:
        assert not folder.exists()
        assert [places.own] == [path for path in (directory / "incoming").iterdir() if path.is_dir()]
    finally:
        places.close()


def test_what_a_process_at_work_has_is_left_to_it(directory: Path) -> None:
    first = Layout.open(directory)
    try:
        kept = first.own / make_blob_id()
        kept.write_bytes(b"half")
        second = Layout.open(directory)
        second.close()
        assert kept.exists()
    finally:
        first.close()


def test_what_is_somebody_elses_stays_there(directory: Path) -> None:
    folder = leave(directory, "lock", make_blob_id(), "notes.txt")
    Layout.open(directory).close()
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_only_blobs_are_listed_and_no_link_is_followed(directory: Path, tmp_path: Path) -> None:
    places = Layout.open(directory)
    try:
        blob = make_blob_id()
        folder = directory / "blobs" / blob[:2]
        folder.mkdir()
        (folder / blob).write_bytes(b"whole")
        for name in (f"{blob[:2]}-notes", f"{blob}.bak", "notes"):
            (folder / name).write_bytes(b"no blob")
        (folder / f"{blob[:2]}{'0' * 30}").symlink_to(folder / blob)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        linked = "ff" if blob[:2] != "ff" else "fe"
        (directory / "blobs" / linked).symlink_to(elsewhere)
        assert places.list_folders() == [folder]
        assert places.list_blobs(folder) == [blob]
    finally:
        places.close()


def test_the_quarantine_of_an_older_program_is_taken_over(directory: Path) -> None:
    blobs = [make_blob_id() for _ in range(3)]
    for blob in blobs:
        former = directory / "strays" / blob[:2]
        former.mkdir(parents=True, exist_ok=True)
        (former / blob).write_bytes(b"orphaned")
        os.utime(former / blob, (5, 5))
    assert holds_blobs(directory)
    layout = Layout.open(directory)
    try:
        found = [blob for folder in layout.list_quarantine_folders() for blob in layout.list_blobs(folder)]
        assert sorted(found) == sorted(blobs)
        # Their time goes on from when they came there.
        assert {layout.find_quarantined(blob).stat().st_mtime for blob in blobs} == {5}
        assert not (directory / "strays").exists()
    finally:
        layout.close()
    Layout.open(directory).close()


def test_what_is_no_blob_in_the_former_quarantine_stays_there(directory: Path) -> None:
    notes = directory / "strays" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    Layout.open(directory).close()
    assert notes.read_text() == "mine"
