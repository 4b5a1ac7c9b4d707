"""Catalogue snapshots beside the blobs, from which a drive is rebuilt when everything else is lost."""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import IO, Final

from attrs import frozen

from cloudsvc.administration.manifest import write_lines
from cloudsvc.administration.tree import walk
from cloudsvc.core.durable_files import publish, sync_file
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.catalogue import Catalogue, Pins
from cloudsvc.drive.nodes import File, Instant
from cloudsvc.storage.consistent_copies import ConsistentCopies
from cloudsvc.storage.local import SNAPSHOTS_NAME
from cloudsvc.storage.opening import make_copies
from cloudsvc.storage.resources import Resources
from cloudsvc.storage.work_directories import WORK_NAME, OwnPlace

_KEPT: Final = 7
_OWNER_ONLY: Final = 0o600
_PIECE: Final = 1024 * 1024
_DATE_LENGTH: Final = len("20260101")
_KINDS: Final = ("manifest-*.jsonl", "catalogue-*.sqlite3")


@frozen(kw_only=True)
class Snapshots:
    """
    Takes snapshots: each is a copy of the catalogue, and a manifest of its current files that any program can read.

    :ivar directory: where they lie, as ``catalogue-TIME.sqlite3`` and ``manifest-TIME.jsonl``.
    :ivar kept: how many remain, the youngest.
    """

    directory: pathlib.Path
    copies: ConsistentCopies
    disk: ThreadRunner
    now: Callable[[], Instant]
    kept: int = _KEPT

    async def take_daily(self) -> None:
        """Take one, unless there is one of this day (UTC); may be called as often as one likes."""
        today = self._stamp(self.now())[:_DATE_LENGTH]
        if not await self.disk.run(lambda: any(self.directory.glob(f"catalogue-{today}*.sqlite3"))):
            await self.take()

    async def take(self) -> None:
        """
        Take one, and remove those that are too many.

        :raises CloudError: the storage fails. What was there before is still there then.
        :raises OSError: likewise.
        """
        stamp = self._stamp(self.now())
        own = await self.disk.run(OwnPlace.make, self.directory.with_name(WORK_NAME))
        try:
            copy, manifest = own.directory / "copy", own.directory / "manifest"
            async with self.copies.hold() as snapshot:
                await self.disk.run(_write, snapshot.content, copy)
                await self._write_manifest(snapshot.catalogue, manifest)
            await self.disk.run(self._place, manifest, f"manifest-{stamp}.jsonl")
            await self.disk.run(self._place, copy, f"catalogue-{stamp}.sqlite3")
        finally:
            await self.disk.run(own.remove)
        await self.disk.run(self._rotate, stamp)

    async def _write_manifest(self, catalogue: Catalogue, manifest: pathlib.Path) -> None:
        async with AsyncExitStack() as stack:
            lines = await self.disk.run(_open_manifest, manifest)
            stack.push_async_callback(self.disk.run, lines.close)
            async for _, nodes in walk(catalogue):
                files = [node for node in nodes if isinstance(node, File)]
                await self.disk.run(lines.write, write_lines(files))

    def _stamp(self, moment: Instant) -> str:
        return datetime.fromtimestamp(moment // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")

    def _place(self, file: pathlib.Path, name: str) -> None:
        """The catalogue comes last, so that none is without a manifest."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_file(file)
        publish(file, self.directory / name)

    def _rotate(self, newest: str) -> None:
        """Those from the future, of a clock that was wrong, wait until that comes: they do not displace any other."""
        for kind in _KINDS:
            known = sorted(place for place in self.directory.glob(kind) if place.name <= kind.replace("*", newest))
            for old in known[: -self.kept]:
                old.unlink(missing_ok=True)


def make_snapshots(catalogue: Pins, directory: pathlib.Path, resources: Resources) -> Snapshots:
    """What takes the nightly snapshots of the drive in ``directory``."""
    return Snapshots(
        directory=directory / SNAPSHOTS_NAME,
        copies=make_copies(catalogue, resources),
        disk=resources.threads.disk,
        now=resources.now,
    )


def _write(content: IO[bytes], destination: pathlib.Path) -> None:
    with os.fdopen(_open_alone(destination), "wb") as file:
        shutil.copyfileobj(content, file, _PIECE)


def _open_manifest(file: pathlib.Path) -> IO[str]:
    return os.fdopen(_open_alone(file), "w", encoding="utf-8")


def _open_alone(file: pathlib.Path) -> int:
    """A new file for its owner alone, whatever the umask: it tells the names of all files."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _OWNER_ONLY)
    os.fchmod(descriptor, _OWNER_ONLY)
    return descriptor
