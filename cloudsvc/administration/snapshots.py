"""Copies of the catalogue beside the blobs: what a drive is rebuilt from when everything else is lost."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Final

from attrs import frozen

from cloudsvc.administration.files import publish
from cloudsvc.administration.manifest import write_lines
from cloudsvc.administration.moments import Moments
from cloudsvc.administration.tree import walk
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.nodes import File, Instant

_KEPT: Final = 7
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
    moments: Moments
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
        async with self.moments.copy() as copy:
            manifest = copy.with_name("manifest.jsonl")
            async with self.moments.open(copy) as catalogue, AsyncExitStack() as stack:
                lines = await self.disk.run(partial(manifest.open, "x", encoding="utf-8"))
                stack.push_async_callback(self.disk.run, lines.close)
                async for _, nodes in walk(catalogue):
                    files = [node for node in nodes if isinstance(node, File)]
                    await self.disk.run(lines.write, write_lines(files))
            await self.disk.run(self._place, manifest, f"manifest-{stamp}.jsonl")
            await self.disk.run(self._place, copy, f"catalogue-{stamp}.sqlite3")
        await self.disk.run(self._rotate, stamp)

    def _stamp(self, moment: Instant) -> str:
        return datetime.fromtimestamp(moment // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")

    def _place(self, file: pathlib.Path, name: str) -> None:
        """The catalogue comes last, so that none is without a manifest."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file.open("rb") as content:
            os.fsync(content.fileno())
        publish(file, self.directory / name)

    def _rotate(self, newest: str) -> None:
        """Those from the future, of a clock that was wrong, wait until that comes: they do not displace any other."""
        for kind in _KINDS:
            known = sorted(place for place in self.directory.glob(kind) if place.name <= kind.replace("*", newest))
            for old in known[: -self.kept]:
                old.unlink(missing_ok=True)
