"""Where on disk a blob is, and where it is while it arrives."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import field, frozen

from cloudsvc.core.files import sync_directory
from cloudsvc.drive.nodes import BlobId
from cloudsvc.storage.blobs.disk import Disk

_BLOBS: Final = "blobs"
_STRAYS: Final = "strays"
_LOCK: Final = "lock"
_ID: Final = re.compile(r"[0-9a-f]{32}")
_FOLDER: Final = re.compile(r"[0-9a-f]{2}")


@frozen(kw_only=True)
class Places:
    """
    The folders of one process that works on a store.

    :ivar blobs: sealed blobs, in 256 folders named by the first two digits of their ids: 4,000 in each of a million.
    :ivar strays: blobs that were set aside, in the same way.
    :ivar incoming: a folder for each process, locked as long as that lives, and with the bytes that arrive there.
    :ivar own: that of this process.
    """

    blobs: Path
    strays: Path
    incoming: Path
    own: Path
    _lock: int
    _durable: set[Path] = field(factory=set)

    @classmethod
    def open(cls, directory: Path) -> Places:
        """
        Make what is missing, and clear what processes that are gone have left. Blocks.

        :raises OSError: it cannot be done.
        """
        blobs, strays, incoming = directory / _BLOBS, directory / _STRAYS, directory / "incoming"
        for folder in (directory, blobs, strays, incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_directory(directory)
        with _locked(incoming / _LOCK):
            for folder in _list_folders(incoming):
                _clear(folder)
            own = incoming / secrets.token_hex(8)
            own.mkdir(mode=0o700)
            lock = os.open(own / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return cls(blobs=blobs, strays=strays, incoming=incoming, own=own, lock=lock)

    def close(self) -> None:
        """Give up the folder of this process. Blocks."""
        with _locked(self.incoming / _LOCK):
            os.close(self._lock)
            _clear(self.own)

    def find_incoming(self, blob: BlobId) -> Path:
        """Where ``blob`` is while it arrives."""
        return self.own / _check(blob)

    def find_folder(self, blob: BlobId) -> Path:
        """The folder of ``blob`` once it is sealed."""
        return self.blobs / _check(blob)[:2]

    def find(self, blob: BlobId) -> Path:
        """Where ``blob`` is once it is sealed."""
        return self.find_folder(blob) / blob

    def find_aside(self, blob: BlobId) -> Path:
        """Where ``blob`` is once it is set aside."""
        return self.strays / _check(blob)[:2] / blob

    def make_durable(self, folder: Path, disk: Disk) -> None:
        """See that a folder for blobs is there, and stays there. Blocks."""
        # Not only when it is new: whoever made it may have died before its name was durable.
        if folder not in self._durable:
            disk.make_folder(folder)
            disk.sync_folder(folder.parent)
            self._durable.add(folder)

    def list_folders(self) -> list[Path]:
        """The folders with sealed blobs. Blocks."""
        return _list_blob_folders(self.blobs)

    def list_folders_aside(self) -> list[Path]:
        """The folders with blobs that were set aside. Blocks."""
        return _list_blob_folders(self.strays)

    def list_blobs(self, folder: Path) -> list[BlobId]:
        """The blobs in one of those folders; anything else in it is somebody else's business. Blocks."""
        with os.scandir(folder) as entries:
            return [
                BlobId(entry.name)
                for entry in entries
                if _ID.fullmatch(entry.name)
                and entry.name.startswith(folder.name)
                and entry.is_file(follow_symlinks=False)
            ]


def holds_blobs(directory: Path) -> bool:
    """Whether there is any sealed blob in a store, which need not be open. Blocks."""
    tops = [top for top in (directory / _BLOBS, directory / _STRAYS) if top.is_dir()]
    return any(any(folder.iterdir()) for top in tops for folder in _list_blob_folders(top))


def make_blob_id() -> BlobId:
    """An id that nothing has."""
    return BlobId(secrets.token_hex(16))


def _check(blob: BlobId) -> BlobId:
    """``blob``, which leads nowhere else: ids come back from catalogues, and a catalogue can be anybody's backup."""
    if not _ID.fullmatch(blob):
        raise ValueError(f"{blob!r} is no id of a blob")
    return blob


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold the lock on ``file``; so nobody sees a folder that is made but not locked yet."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _list_folders(directory: Path) -> list[Path]:
    with os.scandir(directory) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]


def _list_blob_folders(top: Path) -> list[Path]:
    return [folder for folder in _list_folders(top) if _FOLDER.fullmatch(folder.name)]


def _is_locked(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _clear(folder: Path) -> None:
    """Remove a folder of incoming blobs whose process is gone; leave it where anything else is in it."""
    if _is_locked(folder):
        return
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        if name == _LOCK or _ID.fullmatch(name):
            (folder / name).unlink(missing_ok=True)
    if all(name == _LOCK or _ID.fullmatch(name) for name in names):
        folder.rmdir()
