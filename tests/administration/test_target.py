"""Files appear in a directory whole, with their names, or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudsvc.administration.faults import ExportExistsError
from cloudsvc.administration.target import STAGING_NAME, Damaged, Target, find_folding
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.names import DrivePath, Name, parse_path
from cloudsvc.drive.nodes import Blob, BlobId

MOMENT = 1_700_000_000_000_001


@contextmanager
def opened(directory: Path, *, resume: bool = False, complete: bool = True) -> Iterator[Target]:
    target = Target.open(directory, resume=resume)
    try:
        yield target
    finally:
        target.close(complete=complete)


def write(target: Target, path: str, content: bytes, claimed: bytes | None = None) -> None:
    write_at(target, parse_path(path), content, claimed)


def write_at(target: Target, path: DrivePath, content: bytes, claimed: bytes | None = None) -> None:
    claimed = content if claimed is None else claimed
    blob = Blob(id=BlobId("0" * 32), size=len(claimed), digest=hashlib.sha256(claimed).digest())
    staged = target.stage()
    try:
        staged.write(content)
        target.place(staged, path, blob, MOMENT)
    finally:
        staged.discard()


def list_names(directory: Path) -> list[str]:
    return sorted(place.name for place in directory.iterdir())


def has(target: Target, path: str, content: bytes) -> bool:
    blob = Blob(id=BlobId("0" * 32), size=len(content), digest=hashlib.sha256(content).digest())
    return target.has(parse_path(path), blob, MOMENT)


def test_a_file_has_its_name_its_bytes_and_its_date(tmp_path: Path) -> None:
    with opened(tmp_path / "new/export") as target:
        target.make_folder(parse_path("folder"))
        write(target, "folder/a", b"content")
        assert has(target, "folder/a", b"content")
        assert not has(target, "folder/a", b"another")
        assert not has(target, "folder/b", b"")
    file = tmp_path / "new/export/folder/a"
    assert file.read_bytes() == b"content"
    assert file.stat().st_mtime_ns == MOMENT * 1000
    assert list_names(tmp_path / "new/export") == ["folder"]


def test_what_is_damaged_does_not_appear_and_leaves_what_was_there(tmp_path: Path) -> None:
    with opened(tmp_path) as target:
        write(target, "a", b"before")
        with pytest.raises(Damaged):
            write(target, "a", b"affer!", claimed=b"after!")
        with pytest.raises(Damaged):
            write(target, "b", b"cut", claimed=b"cut off")
        assert list_names(tmp_path / STAGING_NAME) == []
    assert list_names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"before"


def test_links_are_neither_followed_nor_written_through(tmp_path: Path) -> None:
    (tmp_path / "outside/sub").mkdir(parents=True)
    (tmp_path / "outside/same").write_bytes(b"content")
    os.utime(tmp_path / "outside/same", (1, 1))
    with opened(tmp_path / "export", complete=False):
        pass
    (tmp_path / "export/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "export/file").symlink_to(tmp_path / "outside/file")
    with opened(tmp_path / "export", resume=True) as target:
        with pytest.raises(FileExistsError):
            target.make_folder(parse_path("folder"))
        assert not has(target, "folder/same", b"content")
        for path in ("folder/same", "folder/new", "folder/sub/new"):
            with pytest.raises(NotADirectoryError):
                write(target, path, b"content")
        for act in (target.make_folder, target.sync_folder):
            with pytest.raises(NotADirectoryError):
                act(parse_path("folder/sub/new"))
        assert not has(target, "file", b"content")
        write(target, "file", b"content")
        assert list_names(tmp_path / "export" / STAGING_NAME) == []
    assert list_names(tmp_path / "outside") == ["same", "sub"]
    assert list_names(tmp_path / "outside/sub") == []
    assert (tmp_path / "outside/same").stat().st_mtime == 1
    assert not (tmp_path / "export/file").is_symlink()


def test_a_link_where_tags_and_dates_are_staged_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "dates.json.part").symlink_to("victim")
    with opened(tmp_path / "export") as target, pytest.raises(OSError, match="symbolic links"):
        target.stage_text(tmp_path / "dates.json")
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_what_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    for resume in (False, True):
        with pytest.raises(OperatorError, match="is not empty"):
            Target.open(tmp_path, resume=resume)
    assert list_names(tmp_path) == ["mine"]


def test_an_export_that_was_interrupted_is_resumed_only_when_one_says_so(tmp_path: Path) -> None:
    with opened(tmp_path, complete=False) as target:
        write(target, "a", b"a")
    (tmp_path / STAGING_NAME / "left").touch()
    with pytest.raises(ExportExistsError, match="earlier export"):
        Target.open(tmp_path, resume=False)
    with opened(tmp_path, resume=True) as target:
        assert has(target, "a", b"a")
    assert list_names(tmp_path) == ["a"]


def test_two_at_a_time_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(OperatorError, match="another export"):
        Target.open(tmp_path, resume=True)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "file/below"):
        with pytest.raises(OperatorError, match="name another directory"):
            Target.open(tmp_path / place, resume=False)
    (tmp_path / "export" / STAGING_NAME / "folder").mkdir(parents=True)
    with pytest.raises(OperatorError, match="name another directory"):
        Target.open(tmp_path / "export", resume=True)


@pytest.mark.parametrize("name", ["a/b", "/etc", "..", ".", ""])
def test_no_name_leads_elsewhere(tmp_path: Path, name: str) -> None:
    with opened(tmp_path) as target:
        for path in (parse_path("") / Name(name, name), parse_path("") / Name(name, name) / Name("a", "a")):
            with pytest.raises(ValueError, match="is no name"):
                write_at(target, path, b"content")
            with pytest.raises(ValueError, match="is no name"):
                target.make_folder(path)


def test_this_file_system_says_which_names_are_the_same_to_it(tmp_path: Path) -> None:
    fold = find_folding(tmp_path)
    (tmp_path / "Name").touch()
    assert (fold("Name") == fold("nAME")) == (tmp_path / "nAME").exists()
    assert list_names(tmp_path) == ["Name"]
