"""Durable files: the old content or the new, in the order that keeps it so through a power failure."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

import cloudsvc
from cloudsvc.core import durable_files
from cloudsvc.core.durable_files import publish, replace_file, sync_file, write_new
from cloudsvc.core.errors import OperatorError

SYNCS = {
    "core/durable_files.py",
    "storage/blobs/disk.py",  # the store's seam to the system, which tests let fail call by call
    "storage/catalogue/sqlite/copying.py",  # SQLite writes the copy, so that it has no stream
    "storage/catalogue/postgresql/interchange.py",  # as above
    "storage/identity/interchange.py",  # as above
    "storage/audit/line_file.py",  # it grows, and is never replaced as a whole
    "administration/target.py",  # a folder behind a descriptor, to which no link can lead
}
"""Modules that may call ``os.fsync`` themselves."""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the system, in order: the names of files that are synced, and of those that are renamed."""
    asked: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(descriptor: int) -> None:
        asked.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def note_replace(path: Path, target: Path) -> Path:
        asked.append(f"rename {path.name} {target.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    return asked


def test_content_comes_before_its_name_and_that_before_its_folder(tmp_path: Path, steps: list[str]) -> None:
    file = tmp_path / "settings"
    file.write_bytes(b"old")
    replace_file(file, b"new", mode=0o640)
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [step.split()[0] for step in steps] == ["fsync", "rename", "fsync"]
    assert steps[0].split()[1] == steps[1].split()[1]
    assert steps[1].split()[2] == "settings"
    assert steps[2] == f"fsync {tmp_path.name}"


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    replace_file(tmp_path / "link", b"new", mode=0o600)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("call", ["fsync", "write", "replace"])
def test_what_fails_leaves_the_old_content_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "settings"
    file.write_bytes(b"old")
    with monkeypatch.context() as patched:
        if call == "replace":
            patched.setattr(Path, "replace", fail)
        elif call == "fsync":
            patched.setattr(os, "fsync", fail)
        else:
            patched.setattr(durable_files, "sync", fail)
        with pytest.raises(OperatorError, match=r"settings cannot be written: No space left on device"):
            replace_file(file, b"new", mode=0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["settings"]
    assert file.read_bytes() == b"old"


def test_a_directory_that_is_not_there_is_a_fault_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"nowhere/settings cannot be written: No such file"):
        replace_file(tmp_path / "nowhere" / "settings", b"new", mode=0o600)


def test_a_new_file_takes_the_place_of_none(tmp_path: Path) -> None:
    file = tmp_path / "staged"
    write_new(file, b"mine", mode=0o600, beside=tmp_path / "target")
    with pytest.raises(FileExistsError):
        write_new(file, b"another's", mode=0o600, beside=tmp_path / "target")
    sync_file(file)
    publish(file, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"mine"
    assert not file.exists()


def test_the_steps_stand_in_one_place() -> None:
    package = Path(cloudsvc.__file__).parent
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"fsync", "fdatasync"}
    }
    assert found == SYNCS
