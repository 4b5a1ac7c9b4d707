"""Directory layout of a local blob store: blobs that are sealed, suspended, in quarantine, and on their way."""

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

from cloudsvc.core.durable_files import sync_directory
from cloudsvc.drive.nodes import BlobId
from cloudsvc.storage.blobs.disk import Disk

_BLOBS: Final = "blobs"
_QUARANTINE: Final = "quarantine"
_FORMER_QUARANTINE: Final = "strays"
"""What version 0.1 called it."""

_LOCK: Final = "lock"
_ID: Final = re.compile(r"[0-9a-f]{32}")
_SUSPENDED: Final = re.compile(r"([0-9a-f]{32})\.([0-9]{1,19})")
_FOLDER: Final = re.compile(r"[0-9a-f]{2}")


@frozen(kw_only=True)
class Layout:
    """
    The folders of one process that works on a store.

    :ivar blobs: sealed blobs, in 256 folders named by the first two digits of their ids: 4,000 in each of a million.
    :ivar quarantined: blobs in quarantine, in the same way.
    :ivar suspended: blobs that are not sealed, of which some bytes are durable: how many is part of their names.
    :ivar incoming: a folder for each process, locked as long as that lives, with bytes that are promised to nobody.
    :ivar own: that of this process.
    """

    blobs: Path
    quarantined: Path
    suspended: Path
    incoming: Path
    own: Path
    _lock: int
    _durable: set[Path] = field(factory=set)

    @classmethod
    def open(cls, directory: Path) -> Layout:
        """
        Make what is missing, and clear what processes that are gone have left. Blocks.

        :raises OSError: it cannot be done.
        """
        incoming = directory / "incoming"
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        blobs, quarantined, suspended = (directory / name for name in (_BLOBS, _QUARANTINE, "suspended"))
        with _locked(incoming / _LOCK):
            for folder in (blobs, quarantined, suspended):
                folder.mkdir(mode=0o700, exist_ok=True)
            _take_over(directory / _FORMER_QUARANTINE, quarantined)
            sync_directory(directory)
            for folder in _list_folders(incoming):
                _clear(folder)
            own = incoming / secrets.token_hex(8)
            own.mkdir(mode=0o700)
            lock = os.open(own / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            except BaseException:
                os.close(lock)
                raise
        return cls(blobs=blobs, quarantined=quarantined, suspended=suspended, incoming=incoming, own=own, lock=lock)

    def close(self) -> None:
        """Give up the folder of this process. Blocks."""
        with _locked(self.incoming / _LOCK):
            os.close(self._lock)
            _clear(self.own)

    def find_incoming(self, blob: BlobId) -> Path:
        """Where ``blob`` is while it arrives, as long as none of its bytes are durable."""
        return self.own / check_blob_id(blob)

    def find_suspended(self, blob: BlobId, size: int) -> Path:
        """Where ``blob`` is once ``size`` of its bytes are durable, until it is sealed."""
        return self.suspended / f"{check_blob_id(blob)}.{size}"

    def find_folder(self, blob: BlobId) -> Path:
        """The folder of ``blob`` once it is sealed."""
        return self.blobs / check_blob_id(blob)[:2]

    def find(self, blob: BlobId) -> Path:
        """Where ``blob`` is once it is sealed."""
        return self.find_folder(blob) / blob

    def find_quarantined(self, blob: BlobId) -> Path:
        """Where ``blob`` is once it is in quarantine."""
        return self.quarantined / check_blob_id(blob)[:2] / blob

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

    def list_quarantine_folders(self) -> list[Path]:
        """The folders with blobs in quarantine. Blocks."""
        return _list_blob_folders(self.quarantined)

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

    def list_suspended(self) -> list[tuple[BlobId, int, Path]]:
        """
        Blobs that are not sealed: how many of their bytes are durable, and where they are. Blocks.

        There are as many as have been begun in a week and not finished, which are few enough for one folder.
        """
        with os.scandir(self.suspended) as entries:
            return [
                (BlobId(found[1]), int(found[2]), Path(entry.path))
                for entry in entries
                if (found := _SUSPENDED.fullmatch(entry.name)) and entry.is_file(follow_symlinks=False)
            ]


def holds_blobs(directory: Path) -> bool:
    """Whether there is any sealed blob in a store, which need not be open. Blocks."""
    tops = [top for name in (_BLOBS, _QUARANTINE, _FORMER_QUARANTINE) if (top := directory / name).is_dir()]
    return any(any(folder.iterdir()) for top in tops for folder in _list_blob_folders(top))


def make_blob_id() -> BlobId:
    """An id that nothing has."""
    return BlobId(secrets.token_hex(16))


def check_blob_id(blob: BlobId) -> BlobId:
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


def _take_over(former: Path, quarantined: Path) -> None:
    """Move what is in the quarantine of an older program, with its dates, into that of this one."""
    if not former.is_dir():
        return
    for folder in _list_blob_folders(former):
        destination = quarantined / folder.name
        destination.mkdir(mode=0o700, exist_ok=True)
        for blob in folder.iterdir():
            blob.rename(destination / blob.name)
        sync_directory(destination)
        folder.rmdir()
    sync_directory(quarantined)
    if not any(former.iterdir()):
        former.rmdir()


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
