"""Make a drive what it was when a backup was written."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import IO, Final

from attrs import define, field, frozen
from sqlalchemy.exc import SQLAlchemyError

from cloudsvc.administration.archive import CATALOGUE_NAME as CATALOGUE_MEMBER
from cloudsvc.administration.archive import BadArchive, name_blob, read_archive
from cloudsvc.administration.faults import DriveNotEmpty
from cloudsvc.administration.files import lock, publish
from cloudsvc.administration.opening import Workshop, check_owner
from cloudsvc.administration.places import OwnPlace
from cloudsvc.administration.progress import Progress
from cloudsvc.administration.tree import list_blobs
from cloudsvc.core.errors import CloudError, StartFault
from cloudsvc.core.files import sync_directory
from cloudsvc.drive.names import ROOT
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.blobs import holds_blobs
from cloudsvc.storage.blobs.places import Places
from cloudsvc.storage.catalogue import (
    NewerSchema,
    SQLiteCatalogue,
    begin_anew,
    examine,
    examine_definitions,
    find_revision,
    migrate,
)
from cloudsvc.storage.local import CATALOGUE_NAME, LOCK_NAME

_PIECE: Final = 1024 * 1024
_JOURNALS: Final = ("-wal", "-shm")

_SENSELESS: Final = (CloudError, sqlite3.Error, SQLAlchemyError, LookupError, TypeError, ValueError)
"""What reading a damaged catalogue may come to."""


@frozen(kw_only=True)
class Restored:
    """
    What a drive consists of now.

    :ivar kept: where all is that was there before; ``None`` where nothing was.
    """

    blobs: int
    size: int
    kept: pathlib.Path | None


async def restore_backup(
    file: pathlib.Path, directory: pathlib.Path, workshop: Workshop, progress: Progress, *, replace: bool
) -> Restored:
    """
    Make the drive in ``directory`` what ``file`` holds, in one step after everything in it has been verified.

    Change numbers begin a new epoch, so that whoever follows the changes begins anew.

    :param replace: whether the drive may have held anything. That is kept aside.
    :raises StartFault: it cannot be done, and why. Nothing has changed.
    """
    run = workshop.threads.disk.run
    async with AsyncExitStack() as stack:
        await run(check_owner, directory)
        stack.callback(os.close, await run(_claim, directory))
        if not (empty := await _is_empty(directory, workshop)) and not replace:
            raise DriveNotEmpty([f"{directory} holds files"])
        try:
            stream = stack.enter_context(await run(file.open, "rb"))
            own = await run(OwnPlace.make, directory / "moments")
            stack.push_async_callback(run, own.remove)
            places = await run(Places.open, directory)
            stack.push_async_callback(run, places.close)
            unpacking = _Unpacking(stream=stream, places=places, workshop=workshop)
            catalogue = own.directory / CATALOGUE_NAME
            await unpacking.run(catalogue, progress)
            former = _name_former(workshop, empty=empty)
            # Not in a thread: nobody can leave in the middle, and take away what it works with.
            return _Installation(unpacking, own.directory, directory, former).run()
        except BadArchive as problem:
            raise StartFault([f"{file} is no whole backup: {problem}; nothing has changed"]) from None
        except NewerSchema as problem:
            raise StartFault([f"{file}: {problem}"]) from None
        except OSError as problem:
            place = problem.filename or directory
            raise StartFault([f"{place}: {problem.strerror}; nothing was replaced, so mend it and try again"]) from None


def _claim(directory: pathlib.Path) -> int:
    """A descriptor that holds the lock of ``directory``, for this program alone."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise StartFault([f"{directory} cannot be opened: {problem.strerror}"]) from None
    if not lock(descriptor):
        os.close(descriptor)
        raise StartFault([f"{directory} is in use; stop the server, or wait for the other command"])
    return descriptor


async def _is_empty(directory: pathlib.Path, workshop: Workshop) -> bool:
    run, file = workshop.threads.disk.run, directory / CATALOGUE_NAME
    try:
        if await run(find_revision, file) is None:
            return not await run(holds_blobs, directory)
        await run(migrate, file)
        async with _open_catalogue(file, workshop) as catalogue:
            children, trash = await catalogue.list_children(ROOT, 1), await catalogue.list_trash(1)
    except NewerSchema as problem:
        raise StartFault([str(problem)]) from None
    except _SENSELESS:
        return False
    return not (children.items or trash.items)


@asynccontextmanager
async def _open_catalogue(file: pathlib.Path, workshop: Workshop) -> AsyncIterator[SQLiteCatalogue]:
    catalogue = await workshop.open_catalogue(file)
    try:
        yield catalogue
    finally:
        await catalogue.close()


def _name_former(workshop: Workshop, *, empty: bool) -> str | None:
    if empty:
        return None
    return datetime.fromtimestamp(workshop.now() // 1_000_000, UTC).strftime("before-%Y%m%dT%H%M%SZ")


@define(kw_only=True)
class _Unpacking:
    """
    Takes an archive apart, beside what is there.

    :ivar arrived: blobs that wait in this program's incoming folder.
    """

    stream: IO[bytes]
    places: Places
    workshop: Workshop
    arrived: list[BlobId] = field(factory=list)
    blobs: int = 0
    size: int = 0

    async def run(self, catalogue_file: pathlib.Path, progress: Progress) -> None:
        disk = self.workshop.threads.disk
        progress.begin("unpacking", os.fstat(self.stream.fileno()).st_size)
        members = read_archive(self.stream)
        size = await disk.run(self._take_catalogue, members, catalogue_file)
        progress.advance(size)
        try:
            await disk.run(examine_definitions, catalogue_file)
            await disk.run(migrate, catalogue_file)
            await disk.run(examine, catalogue_file)
            await disk.run(begin_anew, catalogue_file)
            async with _open_catalogue(catalogue_file, self.workshop) as catalogue:
                async for blobs in list_blobs(catalogue):
                    for blob in blobs:
                        await disk.run(self._take_blob, members, blob)
                        progress.advance(blob.size)
                await disk.run(self._expect_end, members)
        except _SENSELESS as problem:
            raise BadArchive(f"its catalogue is damaged ({problem})") from None

    def _take_catalogue(self, members: Iterator[tuple[str, int, IO[bytes]]], destination: pathlib.Path) -> int:
        for name, size, content in members:
            if name == CATALOGUE_MEMBER:
                _write(content, destination)
                return size
        raise BadArchive("it has no catalogue")

    def _take_blob(self, members: Iterator[tuple[str, int, IO[bytes]]], blob: Blob) -> None:
        name, size, content = next(members, ("", 0, None))
        if name != name_blob(blob.id) or size != blob.size or content is None:
            raise BadArchive(f"its catalogue speaks of blob {blob.id}, which is missing")
        if self._is_there(blob):
            while content.read(_PIECE):
                pass
        else:
            if _write(content, self.places.find_incoming(blob.id)) != blob.digest:
                raise BadArchive(f"blob {blob.id} is damaged")
            self.arrived.append(blob.id)
        self.blobs, self.size = self.blobs + 1, self.size + blob.size

    def _expect_end(self, members: Iterator[tuple[str, int, IO[bytes]]]) -> None:
        """Only behind the last member is it known that none was altered."""
        for name, _, _ in members:
            raise BadArchive(f"its catalogue does not speak of {name!r}")

    def _is_there(self, blob: Blob) -> bool:
        """Whether the store has the blob, whole: a backup of the same drive shares most of them."""
        try:
            with self.places.find(blob.id).open("rb") as content:
                return hashlib.file_digest(content, "sha256").digest() == blob.digest
        except OSError:
            return False


def _write(content: IO[bytes], destination: pathlib.Path) -> bytes:
    """The digest of what was written, durably."""
    digest = hashlib.sha256()
    descriptor = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := content.read(_PIECE):
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.digest()


@frozen
class _Installation:
    """
    Puts everything into its place. Blocks.

    Until the catalogue gets its name, nothing refers to the blobs that came; from then on, nothing to the others.

    :ivar own: where the new catalogue is; removed when this program ends, however it does.
    :ivar former: the name for what was there before, if anything was.
    """

    unpacking: _Unpacking
    own: pathlib.Path
    directory: pathlib.Path
    former: str | None

    def run(self) -> Restored:
        kept = None if self.former is None else self._keep(self.directory / self.former)
        try:
            self._place_blobs()
            _sync_file(self.own / CATALOGUE_NAME)
        except OSError:
            if kept is not None:
                shutil.rmtree(kept)
            raise
        for suffix in _JOURNALS:
            # One that a damaged catalogue has left would be taken for the new one's. It has been kept aside.
            (self.directory / f"{CATALOGUE_NAME}{suffix}").unlink(missing_ok=True)
        publish(self.own / CATALOGUE_NAME, self.directory / CATALOGUE_NAME)
        return Restored(blobs=self.unpacking.blobs, size=self.unpacking.size, kept=kept)

    def _place_blobs(self) -> None:
        places, arrived = self.unpacking.places, self.unpacking.arrived
        folders = {places.find_folder(blob) for blob in arrived}
        for folder in folders:
            folder.mkdir(mode=0o700, exist_ok=True)
        for blob in arrived:
            places.find_incoming(blob).rename(places.find(blob))
        for folder in (*folders, places.blobs):
            sync_directory(folder)

    def _keep(self, kept: pathlib.Path) -> pathlib.Path:
        """Make ``kept`` a drive with all that is there. Blobs are linked: they take no space until the originals go."""
        staged = self.own / kept.name
        for folder in self.unpacking.places.list_folders():
            copy = staged / "blobs" / folder.name
            copy.mkdir(mode=0o700, parents=True)
            for blob in self.unpacking.places.list_blobs(folder):
                (copy / blob).hardlink_to(folder / blob)
            sync_directory(copy)
        staged.mkdir(mode=0o700, exist_ok=True)
        for suffix in ("", *_JOURNALS):
            original = self.directory / f"{CATALOGUE_NAME}{suffix}"
            if original.exists():
                # A database must not have two names.
                shutil.copy2(original, staged)
                _sync_file(staged / original.name)
        sync_directory(staged)
        publish(staged, kept)
        return kept


def _sync_file(file: pathlib.Path) -> None:
    with file.open("rb") as content:
        os.fsync(content.fileno())
