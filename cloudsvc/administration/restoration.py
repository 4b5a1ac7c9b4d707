"""Restoration of a drive from a backup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from attrs import define, frozen

from cloudsvc.administration.archive import CATALOGUE_NAME, BadArchive, name_blob, read_archive
from cloudsvc.administration.faults import DriveNotEmptyError
from cloudsvc.administration.progress import Progress
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.nodes import Blob
from cloudsvc.drive.replacement import Replacement, Unusable
from cloudsvc.storage.engine_replacement import open_any_replacement
from cloudsvc.storage.engines import LOCAL, Engines
from cloudsvc.storage.resources import Resources


@frozen(kw_only=True)
class Restored:
    """
    What a drive consists of now.

    :ivar kept: where all is that was there before; ``None`` where nothing was.
    """

    blobs: int
    size: int
    kept: str | None


async def restore_backup(
    file: Path, directory: Path, resources: Resources, progress: Progress, *, replace: bool, engines: Engines = LOCAL
) -> Restored:
    """
    Make the drive in ``directory``, or wherever ``engines`` keep it, what ``file`` holds: :meth:`Restoration.run`.

    :raises OperatorError: likewise.
    """
    async with open_any_replacement(directory, engines, resources) as replacement:
        return await Restoration(replacement=replacement, disk=resources.threads.disk).run(
            file, progress, replace=replace
        )


@frozen(kw_only=True)
class Restoration:
    """Takes an archive apart, and has a storage replaced by what is in it."""

    replacement: Replacement
    disk: ThreadRunner

    async def run(self, file: Path, progress: Progress, *, replace: bool) -> Restored:
        """
        Make the drive what ``file`` holds, in one step after everything in it has been verified.

        Change numbers begin a new epoch, so that whoever follows the changes begins anew.

        :param replace: whether the drive may have held anything. Storages that outlive the program keep that aside.
        :raises OperatorError: it cannot be done, and why. Nothing has changed.
        """
        if not self.replacement.is_empty and not replace:
            raise DriveNotEmptyError(["the drive holds files"])
        try:
            stream = await self.disk.run(file.open, "rb")
        except OSError as problem:
            raise OperatorError([f"{file}: {problem.strerror}; nothing was replaced"]) from None
        try:
            with stream:
                progress.begin("unpacking", os.fstat(stream.fileno()).st_size)
                return await self._restore(_Members(disk=self.disk, members=read_archive(stream), progress=progress))
        except (BadArchive, Unusable) as problem:
            raise OperatorError([f"{file} is no whole backup: {problem}; nothing has changed"]) from None

    async def _restore(self, members: _Members) -> Restored:
        await self.replacement.take(await members.find_catalogue(), members.find_blob, Beginning())
        await members.expect_end()
        return Restored(blobs=members.blobs, size=members.size, kept=await self.replacement.install())


@define(eq=False, kw_only=True)
class _Members:
    """
    Those of an archive, in their order.

    :ivar blobs: how many were found; ``size`` is that of all of them.
    """

    disk: ThreadRunner
    members: Iterator[tuple[str, int, IO[bytes]]]
    progress: Progress
    blobs: int = 0
    size: int = 0

    async def find_catalogue(self) -> IO[bytes]:
        name, size, content = await self._go_on()
        if name != CATALOGUE_NAME or content is None:
            raise BadArchive("it has no catalogue")
        self.progress.advance(size)
        return content

    async def find_blob(self, blob: Blob) -> IO[bytes]:
        name, size, content = await self._go_on()
        if name != name_blob(blob.id) or size != blob.size or content is None:
            raise BadArchive(f"its catalogue speaks of blob {blob.id}, which is missing")
        self.progress.advance(size)
        self.blobs, self.size = self.blobs + 1, self.size + size
        return content

    async def expect_end(self) -> None:
        """Only behind the last member is it known that none was altered."""
        name, _, content = await self._go_on()
        if content is not None:
            raise BadArchive(f"its catalogue does not speak of {name!r}")

    async def _go_on(self) -> tuple[str, int, IO[bytes] | None]:
        return await self.disk.run(next, self.members, ("", 0, None))
