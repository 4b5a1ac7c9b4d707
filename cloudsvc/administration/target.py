"""Target directory of an export: plain files, about to be written."""

from __future__ import annotations

import hashlib
import os
import pathlib
import stat
import unicodedata
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import IO, Final
from uuid import uuid4

from attrs import field, frozen

from cloudsvc.administration.faults import ExportExistsError
from cloudsvc.administration.metadata import METADATA_NAME
from cloudsvc.core.durable_files import FOLDER, lock, open_folder, open_unlinked, publish, sync, sync_directory
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.checksums import Checksums
from cloudsvc.drive.names import DrivePath, Name, fold_case
from cloudsvc.drive.nodes import Blob, Instant

STAGING_NAME: Final = ".cloudsvc-export"
"""What is not complete yet lies in a directory of this name, on the same file system as the rest."""

_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Damaged(Exception):  # noqa: N818  # a state of affairs that callers put into words
    """The bytes that were read are not those that were stored."""


@frozen(kw_only=True)
class StagedFile:
    """A file on its way into the directory. Its methods block."""

    place: pathlib.Path
    file: IO[bytes]
    checksums: Checksums = field(factory=Checksums)

    def write(self, data: bytes) -> None:
        """
        More of its bytes.

        :raises OSError: they cannot be written.
        """
        self.checksums.add(data)
        rest = memoryview(data)
        while rest:
            rest = rest[self.file.write(rest) :]

    def discard(self) -> None:
        """Remove it, unless it is in its place."""
        self.file.close()
        self.place.unlink(missing_ok=True)


@frozen(kw_only=True)
class Target:
    """
    The directory. Files appear in it whole, with their names, or not at all. All methods block.

    :ivar top: it.
    :ivar fold: gives the same text for names that this file system takes for the same.
    """

    top: pathlib.Path
    fold: Callable[[str], str]
    _staging: pathlib.Path
    _lock: int

    @classmethod
    def open(cls, top: pathlib.Path, *, resume: bool) -> Target:
        """
        Prepare ``top``, which is made where it is missing.

        :param resume: whether there may be files from an earlier export.
        :raises OperatorError: it cannot be used.
        """
        staging = top / STAGING_NAME
        try:
            top.mkdir(parents=True, exist_ok=True)
            _see_what_is_there(top, resume=resume)
            staging.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(staging, FOLDER | os.O_NOFOLLOW)
        except OSError as problem:
            raise _unusable(top, problem) from None
        if not lock(descriptor):
            os.close(descriptor)
            raise OperatorError([f"another export is being written to {top}; wait for it, or stop it"])
        try:
            for left in staging.iterdir():
                left.unlink()
        except OSError as problem:
            os.close(descriptor)
            raise _unusable(staging, problem) from None
        return cls(top=top, fold=find_folding(staging), staging=staging, lock=descriptor)

    def close(self, *, complete: bool) -> None:
        """Let go of it. If it is not complete, the next export can go on with it."""
        if complete:
            self._staging.rmdir()
            sync_directory(self.top)
        os.close(self._lock)

    def make_folder(self, path: DrivePath) -> None:
        """
        Make the folder ``path``, in one that is there. It may be there already.

        :raises OSError: it cannot be made.
        """
        with self._open_folder(path.parent) as folder:
            name = _check_segment(path.name)
            try:
                os.mkdir(name, dir_fd=folder)
            except FileExistsError:
                if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    raise
            else:
                os.fsync(folder)

    def has(self, path: DrivePath, blob: Blob, modified_at: Instant) -> bool:
        """Whether the file at ``path`` has the bytes of ``blob`` already; its date is then set."""
        try:
            with self._open_folder(path.parent) as folder:
                descriptor = os.open(_check_segment(path.name), _FILE, dir_fd=folder)
        except OSError:
            return False  # Writing it tells why, if that does not mend it.
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size != blob.size:
                return False
            with open(descriptor, "rb", closefd=False) as content:
                if hashlib.file_digest(content, "sha256").digest() != blob.digest:
                    return False
            _date(descriptor, modified_at)
        finally:
            os.close(descriptor)
        return True

    def stage(self) -> StagedFile:
        """
        A file that is to become one of the export, by :meth:`place`.

        :raises OSError: it cannot be made.
        """
        place = self._staging / uuid4().hex
        return StagedFile(place=place, file=place.open("xb", buffering=0))

    def place(self, staged: StagedFile, path: DrivePath, blob: Blob, modified_at: Instant) -> None:
        """
        Make ``staged`` the file at ``path``, once it is durable and is what ``blob`` should be.

        :raises Damaged: it is not.
        :raises OSError: it cannot be written.
        """
        checksums = staged.checksums
        if checksums.size != blob.size or blob.digest not in {None, checksums.digest}:
            raise Damaged
        with staged.file as file:
            _date(file.fileno(), modified_at)
            sync(file)
        with self._open_folder(path.parent) as folder:
            os.replace(staged.place, _check_segment(path.name), dst_dir_fd=folder)

    def sync_folder(self, path: DrivePath) -> None:
        """Make the names in the folder ``path`` durable."""
        with self._open_folder(path) as folder:
            os.fsync(folder)

    def stage_text(self, destination: pathlib.Path) -> IO[str]:
        """
        A text file that is to become ``destination``, by :meth:`place_text`.

        :raises OSError: it cannot be made.
        """
        if destination.parent == self.top:
            return (self._staging / uuid4().hex).open("x", encoding="utf-8")
        part = destination.with_name(f"{destination.name}.part")
        return open(part, "w", encoding="utf-8", opener=open_unlinked)

    def place_text(self, stream: IO[str], destination: pathlib.Path) -> None:
        """
        Give ``stream`` its name, once it is durable.

        :raises OSError: it cannot be written.
        """
        sync(stream)
        publish(pathlib.Path(stream.name), destination)

    def _open_folder(self, path: DrivePath) -> AbstractContextManager[int]:
        return open_folder(self.top, map(_check_segment, path.names))


def find_folding(directory: pathlib.Path) -> Callable[[str], str]:
    """Which names the file system of ``directory`` takes for the same, found by trying. Blocks."""
    probe = directory / f"{uuid4().hex}-Ab-\N{LATIN SMALL LETTER E WITH ACUTE}"
    probe.touch()
    try:
        case = probe.with_name(probe.name.lower()).exists()
        composition = probe.with_name(unicodedata.normalize("NFD", probe.name)).exists()
    finally:
        probe.unlink()
    if case:
        return fold_case
    return (lambda text: unicodedata.normalize("NFC", text)) if composition else str


def _see_what_is_there(top: pathlib.Path, *, resume: bool) -> None:
    names = {entry.name for entry in top.iterdir()}
    if not names:
        return
    if not names & {STAGING_NAME, METADATA_NAME}:
        raise OperatorError([f"{top} is not empty; name a new directory, or an empty one"])
    if not resume:
        raise ExportExistsError([f"{top} holds an earlier export"])


def _unusable(place: pathlib.Path, problem: OSError) -> OperatorError:
    return OperatorError([f"{place} cannot be written: {problem.strerror}; name another directory"])


def _check_segment(name: Name) -> str:
    """The text of ``name``, which is one segment of a path on every system that this runs on."""
    if pathlib.PurePath(name.text).parts != (name.text,) or name.text in {os.curdir, os.pardir}:
        raise ValueError(f"{name.text!r} is no name of a file")
    return name.text


def _date(descriptor: int, moment: Instant) -> None:
    os.utime(descriptor, ns=(moment * 1000, moment * 1000))
