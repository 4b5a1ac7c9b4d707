"""Crash points of a process that works on a drive, and the writes that a power failure takes with it."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from enum import Enum
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from threading import Lock, RLock
from typing import Any, ParamSpec, TypeVar

from attrs import define, field, frozen

from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.blobs import Disk
from tests.support.catalogues import writing_connection
from tests.support.opened_drives import OpenDrive

P = ParamSpec("P")
T = TypeVar("T")

COMMIT = "COMMIT"

STEPS = ("create", "write", "sync", "make_folder", "sync_folder", "rename", "remove", COMMIT)
"""What happens to uploads and to what is deleted: calls of a disk, and commits of the catalogue."""


class Moment(Enum):
    """When a process ends at a call; ``HALF`` is for writing."""

    BEFORE = "before"
    HALF = "half"
    AFTER = "after"


@frozen(kw_only=True)
class Fault:
    """
    The end of a process at a certain call.

    :ivar number: how many calls of this step there will have been; the first one is 1.
    :ivar power: whether the power fails, so that what no fsync has made durable may be lost.
    """

    step: str
    moment: Moment
    number: int
    power: bool


@frozen(kw_only=True)
class _Name:
    """
    A name that came, went or changed.

    :ivar folder: whose fsync makes this durable.
    :ivar undo: what a power failure does to it.
    """

    folder: Path
    undo: Callable[[], object]


class VolatileDisk(Disk):
    """
    A real disk that knows what no fsync has made durable, and loses some of it when the power fails.

    What goes past it stays: SQLite's files, which is as if the system had written them in time.
    """

    def __init__(self, removed: Path, deaf: str | None = None) -> None:
        """
        :param removed: a folder for what may come back.
        :param deaf: a method that does nothing.
        """
        self._deaf = deaf
        self._removed = removed
        self._lock = RLock()
        self._files: dict[int, Path] = {}
        self._unsynced: set[Path] = set()
        self._durable: dict[Path, int] = {}
        self._names: list[_Name] = []
        self._numbers = count()
        shutil.rmtree(removed, ignore_errors=True)
        removed.mkdir()

    def create(self, path: Path) -> int:
        """As the real one."""
        with self._lock:
            descriptor = super().create(path)
            self._files[descriptor] = path
            self._unsynced.add(path)
            return descriptor

    def resume(self, path: Path, size: int) -> int | None:
        """As the real one."""
        with self._lock:
            descriptor = super().resume(path, size)
            if descriptor is not None:
                self._files[descriptor] = path
                self._durable[path] = size
            return descriptor

    def write(self, descriptor: int, data: bytes | bytearray) -> None:
        """As the real one."""
        with self._lock:
            super().write(descriptor, data)
            self._unsynced.add(self._files[descriptor])

    def sync(self, descriptor: int) -> None:
        """As the real one."""
        with self._lock:
            if self._deaf == "sync":
                return
            super().sync(descriptor)
            self._unsynced.discard(self._files[descriptor])
            self._durable[self._files[descriptor]] = self.size(descriptor)

    def sync_folder(self, path: Path) -> None:
        """As the real one."""
        with self._lock:
            if self._deaf == "sync_folder":
                return
            super().sync_folder(path)
            self._names = [name for name in self._names if name.folder != path]

    def make_folder(self, path: Path) -> None:
        """As the real one."""
        with self._lock:
            is_new = not path.exists()
            super().make_folder(path)
            if is_new:
                self._names.append(_Name(folder=path.parent, undo=partial(shutil.rmtree, path)))

    def rename(self, source: Path, destination: Path) -> None:
        """As the real one."""
        with self._lock:
            replaced = self._keep(destination)
            super().rename(source, destination)
            if source in self._unsynced:
                self._unsynced ^= {source, destination}
            self._durable[destination] = self._durable.pop(source, 0)
            self._files |= {number: destination for number, path in self._files.items() if path == source}

            def undo() -> None:
                # Whoever takes another's place does so in one step, and so it comes undone.
                _put_back(destination, source)
                _put_back(replaced, destination)

            self._names.append(_Name(folder=destination.parent, undo=undo))

    def remove(self, path: Path) -> None:
        """As the real one."""
        with self._lock:
            if path.exists():
                self._names.append(_Name(folder=path.parent, undo=partial(_put_back, self._keep(path), path)))
            super().remove(path)

    def _keep(self, path: Path) -> Path:
        """Where what is at ``path`` can be had again, if anything is."""
        kept = self._removed / str(next(self._numbers))
        if path.exists():
            kept.hardlink_to(path)
        return kept

    def fail(self, random: Random) -> None:
        """Lose what chance wants of what may be lost. Nothing works any more after this."""
        self._lock.acquire()
        for path in sorted(self._unsynced):
            if path.exists() and (size := path.stat().st_size):
                kept = self._durable.get(path, 0)
                os.truncate(path, random.choice([kept, (kept + size) // 2, size]))
        for name in reversed(self._names):
            if random.random() < 0.5:
                name.undo()


def _put_back(path: Path, former: Path) -> None:
    """Give a file its former name, if both are still possible."""
    if path.exists() and former.parent.exists():
        path.rename(former)


@define(eq=False)
class Doom:
    """Ends this process at a fault."""

    fault: Fault
    disk: VolatileDisk
    _random: Random
    _calls: int = 0
    _lock: Lock = field(factory=Lock)

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns, if this process lives to see it."""
        with self._lock:
            self._calls += 1
            is_due = self._calls == self.fault.number
        if is_due and self.fault.moment is Moment.BEFORE:
            self.end()
        if is_due and self.fault.moment is Moment.HALF:
            descriptor, data = args
            Disk.write(self.disk, descriptor, data[: len(data) // 2])  # type: ignore[arg-type, index]  # as it says
            self.end()
        result = function(*args, **kwargs)
        if is_due:
            self.end()
        return result

    def end(self) -> None:
        """End it now."""
        if self.fault.power:
            self.disk.fail(self._random)
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    def watch(self, opened: OpenDrive, committing: DoomedThreads) -> None:
        """See to the commits of a catalogue as well."""
        if self.fault.moment is Moment.BEFORE:
            # SQLite tells what it is about to do.
            connection = writing_connection(opened.storage.catalogue)
            connection.set_trace_callback(lambda statement: statement == COMMIT and self.call(lambda: None))
        else:
            committing.doom = self


@define
class DoomedThreads:
    """Threads that do nothing but commit, and one of whose commits is the last."""

    _threads: ThreadRunner
    doom: Doom | None = None

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As that of the real ones."""
        if self.doom is None:
            return await self._threads.run(function, *args, **kwargs)
        return await self._threads.run(partial(self.doom.call, function, *args, **kwargs))


class DoomedDisk(VolatileDisk):
    """A disk one of whose calls is the last."""

    doom: Doom | None = None

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        doom = super().__getattribute__("doom")
        return partial(doom.call, found) if doom is not None and name == doom.fault.step else found
