"""The catalogue itself: which question goes to which thread, and what answers it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import Any, Final, TypeVar

from attrs import define

from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.catalogue import PinId, Upload, Usage
from cloudsvc.drive.changes import Changes
from cloudsvc.drive.commands import (
    Command,
    Copy,
    DateFile,
    Discard,
    EditTags,
    MakeFolder,
    Move,
    Purge,
    Restore,
    RestoreVersion,
    StoreFile,
)
from cloudsvc.drive.errors import telling_which
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import Blob, BlobId, File, Instant, Node, Trashed, Version, VersionId
from cloudsvc.drive.pages import FileQuery, Order, Page
from cloudsvc.storage.catalogue import changing, collecting, counting, discarding, history, storing, uploading
from cloudsvc.storage.catalogue.connections import Readers, connect
from cloudsvc.storage.catalogue.group_commit import Writer
from cloudsvc.storage.catalogue.listing import Lists
from cloudsvc.storage.catalogue.nodes import Ancestry, find_row, make_node
from cloudsvc.storage.catalogue.searching import Search
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.catalogue.walking import Walk
from cloudsvc.storage.reserve import Reserve

T = TypeVar("T")

_STEP: Final = 500
"""Rows that expire in one go, so that whoever writes meanwhile hardly waits."""

_FREEING: Final = (Discard, Purge)
"""Commands at the beginning of the way on which space is given back."""

_DEEDS: Final[dict[type, Callable[[Context, Any], Any]]] = {
    StoreFile: storing.store_file,
    RestoreVersion: storing.restore_version,
    MakeFolder: changing.make_folder,
    Move: changing.move,
    EditTags: changing.edit_tags,
    DateFile: changing.date_file,
    Copy: changing.copy,
    Discard: discarding.discard,
    Restore: discarding.restore,
    Purge: discarding.purge,
}


async def open_catalogue(
    path: FilePath,
    *,
    writer: ThreadRunner,
    readers: ThreadRunner,
    now: Callable[[], Instant],
    reserve: Reserve | None = None,
) -> SQLiteCatalogue:
    """
    The catalogue in a file that is migrated. Whoever opens it closes it.

    :param writer: exactly one thread.
    :param reserve: is given up for deleting on a full disk.
    :raises sqlite3.Error: it cannot be opened.
    """
    connection = await writer.run(connect, path)
    epoch = await writer.run(_read_epoch, connection)
    return SQLiteCatalogue(
        path=path,
        writer=Writer(connection=connection, threads=writer, reserve=reserve),
        readers=Readers(path=path, threads=readers),
        epoch=epoch,
        now=now,
    )


def _read_epoch(connection: sqlite3.Connection) -> str:
    [epoch] = connection.execute("SELECT epoch FROM state").fetchone()
    return str(epoch)


@define(eq=False, kw_only=True)
class SQLiteCatalogue:
    """A :class:`cloudsvc.drive.catalogue.Catalogue` in an SQLite database. Several processes may have it open."""

    _path: FilePath
    _writer: Writer
    _readers: Readers
    _epoch: str
    _now: Callable[[], Instant]

    async def close(self) -> None:
        """Finish what was asked for, and let go of the file."""
        await self._readers.close()
        await self._writer.close()

    async def apply(self, commands: Sequence[Command], actor: str) -> list[Any]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.apply`."""
        frees = all(isinstance(command, _FREEING) for command in commands)
        return await self._writer.run(lambda connection: self._apply(connection, commands, actor), frees=frees)

    async def find(self, path: Path) -> Node | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find`."""
        return await self._readers.run(lambda connection: self._find(connection, path))

    async def find_version(self, path: Path, version: VersionId) -> tuple[File, Version] | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_version`."""
        return await self._list(lambda lists: lists.find_version(path, version))

    async def list_children(self, folder: Path, limit: int, cursor: str | None = None) -> Page[Node]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_children`."""
        return await self._list(lambda lists: lists.children(folder, limit, cursor))

    async def list_files(self, query: FileQuery, limit: int, cursor: str | None = None) -> Page[File]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_files`."""
        how = Walk if query.order is Order.PATH else Search
        return await self._readers.run(
            lambda connection: how(connection=connection, epoch=self._epoch, query=query).run(limit, cursor)
        )

    async def list_versions(self, path: Path, limit: int, cursor: str | None = None) -> Page[Version]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_versions`."""
        return await self._list(lambda lists: lists.versions(path, limit, cursor))

    async def list_trash(self, limit: int, cursor: str | None = None) -> Page[Trashed]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_trash`."""
        return await self._list(lambda lists: lists.trash(limit, cursor))

    async def list_blobs(self, limit: int, cursor: str | None = None) -> Page[Blob]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_blobs`."""
        return await self._list(lambda lists: lists.blobs(limit, cursor))

    async def read_changes(self, after: int, limit: int) -> Changes:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.read_changes`."""
        return await self._readers.run(lambda connection: history.read_changes(connection, after, limit))

    async def usage(self) -> Usage:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.usage`."""
        return await self._readers.run(counting.count_usage)

    async def stored_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.stored_bytes`."""
        return await self._readers.run(counting.count_stored_bytes)

    async def reclaimable_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.reclaimable_bytes`."""
        return await self._readers.run(counting.count_reclaimable_bytes)

    async def shed(self) -> bool:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.shed`."""
        return await self._writer.run(self._shed, frees=True)

    async def expire(self, *, trash_before: Instant, versions_before: Instant, changes_before: Instant) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.expire`."""
        await self._repeat(lambda connection: discarding.purge_before(connection, trash_before, _STEP))
        await self._repeat(lambda connection: discarding.drop_versions_before(connection, versions_before, _STEP))
        await self._repeat(lambda connection: history.forget_changes(connection, changes_before, _STEP))

    async def sweep(self, limit: int) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.sweep`."""
        return await self._writer.run(lambda connection: discarding.sweep(connection, limit), frees=True)

    async def condemn(self, limit: int, *, after: BlobId | None = None) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.condemn`."""
        return await self._writer.run(
            lambda connection: collecting.condemn(connection, limit, after, self._now()), frees=True
        )

    async def forget(self, blobs: Sequence[BlobId]) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.forget`."""
        await self._writer.run(lambda connection: collecting.forget(connection, blobs), frees=True)

    async def find_unknown(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_unknown`."""
        await self._writer.settle()
        return await self._readers.run(lambda connection: collecting.find_unknown(connection, blobs))

    async def find_users(self, blob: BlobId) -> Sequence[tuple[Path, VersionId]]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_users`."""
        return await self._readers.run(lambda connection: collecting.find_users(connection, blob))

    async def pin(self, until: Instant) -> PinId:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.pin`."""
        return await self._writer.run(lambda connection: collecting.insert_pin(connection, until, self._now()))

    async def unpin(self, pin: PinId) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.unpin`."""
        await self._writer.run(lambda connection: collecting.delete_pin(connection, pin))

    async def begin_upload(self, upload: Upload) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.begin_upload`."""
        await self._writer.run(lambda connection: uploading.insert_upload(connection, upload))

    async def advance_upload(self, upload: str, offset: int, expires_at: Instant) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.advance_upload`."""
        await self._writer.run(lambda connection: uploading.advance_upload(connection, upload, offset, expires_at))

    async def find_upload(self, upload: str) -> Upload | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_upload`."""
        return await self._readers.run(lambda connection: uploading.find_upload(connection, upload))

    async def end_upload(self, upload: str) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.end_upload`."""
        await self._writer.run(lambda connection: uploading.delete_upload(connection, upload))

    async def list_expired_uploads(self, before: Instant, limit: int) -> Sequence[Upload]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_expired_uploads`."""
        return await self._readers.run(lambda connection: uploading.list_expired_uploads(connection, before, limit))

    async def snapshot(self, destination: str) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.snapshot`."""
        await self._readers.copy_all(FilePath(destination))

    async def _list(self, ask: Callable[[Lists], T]) -> T:
        return await self._readers.run(lambda connection: ask(Lists(connection=connection, epoch=self._epoch)))

    async def _repeat(self, work: Callable[[sqlite3.Connection], int]) -> None:
        while await self._writer.run(work, frees=True):
            pass

    def _shed(self, connection: sqlite3.Connection) -> bool:
        return not collecting.is_pinned(connection, self._now()) and discarding.shed(connection)

    def _apply(self, connection: sqlite3.Connection, commands: Sequence[Command], actor: str) -> list[Any]:
        context = Context(connection=connection, now=self._now(), epoch=self._epoch, actor=actor)
        if len(commands) == 1:
            return [_DEEDS[type(commands[0])](context, commands[0])]
        results = []
        for number, command in enumerate(commands, 1):
            with telling_which(number, len(commands)):
                results.append(_DEEDS[type(command)](context, command))
        return results

    def _find(self, connection: sqlite3.Connection, path: Path) -> Node | None:
        row = find_row(connection, path)
        if row is None:
            return None
        return make_node(connection, self._epoch, row, Ancestry(connection).find(row) or Path())
