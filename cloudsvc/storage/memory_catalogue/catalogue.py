"""The catalogue itself: every question is answered from one moment, every change makes the next one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from io import BytesIO
from typing import Any, Final, TypeVar

from attrs import define, evolve, field

from cloudsvc.core.actors import Actor
from cloudsvc.drive.accounts import Account, Miscount, MiscountedPayer, Quota
from cloudsvc.drive.bounds import Made, Recounted
from cloudsvc.drive.catalogue import Location, PinId, Place, Snapshot, Usage
from cloudsvc.drive.changes import Changes, ChangeSignal, Looked
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
    SetQuota,
    StoreFile,
)
from cloudsvc.drive.errors import telling_which
from cloudsvc.drive.freezing import THAWED, Freeze, Standing, freeze_for_good, freeze_until
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, BlobId, File, Instant, Node, NodeId, Trashed, Version, VersionId
from cloudsvc.drive.pages import FileQuery, Page
from cloudsvc.storage.memory_catalogue import accounts, changing, garbage, history, payers, storing, trash
from cloudsvc.storage.memory_catalogue.authorisation import Authorisation
from cloudsvc.storage.memory_catalogue.context import Context
from cloudsvc.storage.memory_catalogue.counting import count_usage
from cloudsvc.storage.memory_catalogue.interchange import write_database
from cloudsvc.storage.memory_catalogue.lists import Lists, list_blobs
from cloudsvc.storage.memory_catalogue.places import check_place
from cloudsvc.storage.memory_catalogue.searching import Search
from cloudsvc.storage.memory_catalogue.sight import locate, look_as
from cloudsvc.storage.memory_catalogue.tables import Happening, Tables

T = TypeVar("T")

_DEEDS: Final[dict[type, Callable[[Context, Any], Any]]] = {
    StoreFile: storing.store_file,
    RestoreVersion: storing.restore_version,
    MakeFolder: changing.make_folder,
    Move: changing.move,
    EditTags: changing.edit_tags,
    DateFile: changing.date_file,
    Copy: changing.copy,
    Discard: trash.discard,
    Restore: trash.restore,
    Purge: trash.purge,
    SetQuota: accounts.set_quota,
}


@define(eq=False, kw_only=True)
class Memory:
    """
    What several :class:`MemoryCatalogue` may share, as processes share a database.

    :ivar tables: all that there is now. Tables that somebody may read are never changed, but replaced.
    """

    tables: Tables = field(factory=Tables)
    signal: ChangeSignal = field(factory=ChangeSignal)


@define(eq=False, kw_only=True)
class MemoryCatalogue:
    """
    A :class:`cloudsvc.drive.catalogue.Catalogue` of what is in a memory.

    Each change copies all tables, so that it happens as a whole or not at all, and costs what there is. Nothing waits:
    each question and each change is done before anything else happens.
    """

    _now: Callable[[], Instant]
    _memory: Memory = field(factory=Memory)

    async def apply(self, actor: Actor, commands: Sequence[Command]) -> list[Any]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.apply`."""
        tables, now = self._tables.copy(), self._now()
        results: list[Any] = []
        noted: list[Happening] = []
        made, recounted = Made(), Recounted()
        for number, command in enumerate(commands, 1):
            authorisation = Authorisation(tables=tables, actor=actor, touches=command.touches)
            context = Context(
                tables=tables,
                now=now,
                actor=actor,
                authorisation=authorisation,
                made=made,
                recounted=recounted,
                noted=noted,
            )
            with telling_which(number, len(commands)) if len(commands) > 1 else nullcontext():
                results.append(_DEEDS[type(command)](context, command))
        self._check_thawed()
        # It may have lapsed by our clock, and not by that of whoever has frozen it.
        tables.freeze = THAWED
        history.record_changes(tables, noted)
        self._memory.tables = tables
        if noted:
            self._memory.signal.note()
            self._memory.signal.wake()
        return results

    async def find(self, actor: Actor, path: DrivePath) -> Node | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find`."""
        return self._list(actor).find(path)

    async def locate(self, nodes: Collection[NodeId]) -> Mapping[NodeId, Location]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.locate`."""
        return locate(self._tables, nodes)

    async def check_place(self, actor: Actor, path: DrivePath, *, replace: bool) -> Place:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.check_place`."""
        file, chain = check_place(self._tables, actor, path, replace=replace)
        self._check_thawed()
        account = accounts.find_account(self._tables, accounts.find_owner(self._tables, chain))
        payer = None if actor.payer is None or actor.payer.quota is None else actor.payer
        return Place(
            file=file,
            account=account,
            stored_bytes=self._tables.stored_bytes,
            catalogue_bytes=0,
            paid_bytes=0 if payer is None else payers.count_bytes(self._tables, payer.name),
            is_paid=not (payer is None or file is None)
            and self._tables.nodes[file.id].contents[-1].payer == payer.name,
        )

    async def find_version(
        self, actor: Actor, path: DrivePath, version: VersionId | None
    ) -> tuple[File, Version] | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_version`."""
        return self._list(actor).find_version(path, version)

    async def open_version(
        self, actor: Actor, path: DrivePath, version: VersionId | None, read: Callable[[Blob], T]
    ) -> tuple[File, Version, T] | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.open_version`."""
        found = self._list(actor).find_version(path, version)
        return None if found is None else (*found, read(found[1].blob))

    async def list_children(self, actor: Actor, folder: DrivePath, limit: int, cursor: str | None = None) -> Page[Node]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_children`."""
        return self._list(actor).children(folder, limit, cursor)

    async def list_files(
        self,
        actor: Actor,
        query: FileQuery,
        limit: int,
        cursor: str | None = None,
        *,
        caller: str = "",
        goes_on: bool = False,
    ) -> Page[File]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_files`."""
        return Search(sight=look_as(self._tables, actor), query=query).run(limit, cursor)

    async def list_versions(
        self, actor: Actor, path: DrivePath, limit: int, cursor: str | None = None
    ) -> Page[Version]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_versions`."""
        return self._list(actor).versions(path, limit, cursor)

    async def list_trash(self, actor: Actor, limit: int, cursor: str | None = None) -> Page[Trashed]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_trash`."""
        return self._list(actor).trash(limit, cursor)

    async def list_blobs(self, limit: int, cursor: str | None = None) -> Page[Blob]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_blobs`."""
        return list_blobs(self._tables, limit, cursor)

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.on_change`."""
        return self._memory.signal.add(listener)

    async def read_changes(
        self, actor: Actor, after: int, limit: int, *, epoch: str | None = None, looked: Looked | None = None
    ) -> Changes:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.read_changes`."""
        return history.read_changes(after, limit, look_as(self._tables, actor), epoch=epoch, looked=looked)

    async def find_last_change(self, actor: Actor) -> Changes:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_last_change`."""
        return history.find_last_seen(look_as(self._tables, actor))

    async def usage(self, actor: Actor) -> Usage:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.usage`."""
        return count_usage(look_as(self._tables, actor))

    async def stored_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.stored_bytes`."""
        return self._tables.stored_bytes

    async def catalogue_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.catalogue_bytes`."""
        return 0

    async def reclaimable_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.reclaimable_bytes`."""
        return garbage.count_reclaimable(self._tables)

    async def evictable_bytes(self, owner: NodeId | None = None) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.evictable_bytes`."""
        if self._is_pinned:
            return 0
        return (
            garbage.count_reclaimable(self._tables) if owner is None else garbage.count_evictable(self._tables, owner)
        )

    async def find_account(self, owner: NodeId) -> Account | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_account`."""
        return accounts.find_account(self._tables, owner)

    async def list_quotas(self) -> Sequence[Quota]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_quotas`."""
        return accounts.list_quotas(self._tables)

    async def droppable_bytes(self, owner: NodeId) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.droppable_bytes`."""
        return 0 if self._is_pinned else accounts.count_droppable(self._tables, owner)

    async def count_paid_bytes(self, names: Collection[str]) -> Mapping[str, int]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.count_paid_bytes`."""
        return {name: payers.count_bytes(self._tables, name) for name in names}

    async def droppable_paid_bytes(self, payer: str) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.droppable_paid_bytes`."""
        return 0 if self._is_pinned else payers.count_droppable_bytes(self._tables, payer)

    async def evict_paid(self, payer: str) -> bool:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.evict_paid`."""
        return not self._is_pinned and self._tend(lambda tables: garbage.evict_paid(tables, payer), otherwise=False)

    async def evict(self, owner: NodeId) -> bool:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.evict`."""
        return not self._is_pinned and self._tend(lambda tables: garbage.evict(tables, owner), otherwise=False)

    async def expire(self, *, trash_before: Instant, versions_before: Instant, changes_before: Instant) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.expire`."""

        def change(tables: Tables) -> None:
            garbage.expire(tables, trash_before=trash_before, versions_before=versions_before)
            history.forget_changes(tables, changes_before)

        self._tend(change, otherwise=None)

    async def remove_purged(self, limit: int) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.remove_purged`."""
        return self._tend(lambda tables: trash.remove_purged(tables, limit), otherwise=0)

    async def mark_for_deletion(self, limit: int, *, after: BlobId | None = None) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.mark_for_deletion`."""
        if self._is_pinned:
            return []
        return self._tend(lambda tables: garbage.mark_for_deletion(tables, limit, after), otherwise=())

    async def forget(self, blobs: Sequence[BlobId]) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.forget`."""
        self._tend(lambda tables: garbage.forget(tables, blobs), otherwise=None)

    async def find_unknown(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_unknown`."""
        return [blob for blob in blobs if blob not in self._tables.blobs]

    async def find_users(self, blob: BlobId) -> Sequence[tuple[DrivePath, VersionId]]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_users`."""
        return garbage.find_users(self._tables, blob)

    async def find_miscounts(self) -> Sequence[Miscount]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_miscounts`. There are none: nothing is counted before."""
        return []

    async def find_miscounted_payers(self) -> Sequence[MiscountedPayer]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_miscounted_payers`. As above."""
        return []

    async def recount_payers(self) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.recount_payers`. As above."""

    async def pin(self, until: Instant) -> PinId:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.pin`."""
        return self._change(lambda tables: garbage.pin(tables, until, self._now()))

    async def unpin(self, pin: PinId) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.unpin`."""
        self._change(lambda tables: tables.pins.pop(pin, None))

    async def list_unmeasured(self, limit: int, *, after: BlobId | None = None) -> Sequence[Blob]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_unmeasured`."""
        return () if self._is_frozen else garbage.list_unmeasured(self._tables, limit, after)

    async def record_checksums(self, measured: Blob) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.record_checksums`."""
        self._tend(lambda tables: garbage.record_checksums(tables, measured), otherwise=None)

    async def find_standing(self) -> Standing:
        """As :meth:`cloudsvc.drive.freezing.Freezing.find_standing`."""
        tables = self._tables
        return Standing(epoch=tables.epoch, last_change=tables.last_change, freeze=tables.freeze)

    async def is_frozen(self) -> bool:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.is_frozen`."""
        return self._is_frozen

    async def freeze(self, until: Instant) -> Standing:
        """As :meth:`cloudsvc.drive.freezing.Freezing.freeze`."""
        former = self._tables.freeze
        if not former.ends_by_itself:
            raise former.make_refusal()
        self._set_freeze(freeze_until(until))
        return await self.find_standing()

    async def renew(self, standing: Standing, until: Instant) -> Standing | None:
        """As :meth:`cloudsvc.drive.freezing.Freezing.renew`."""
        return await self.find_standing() if await self._go_on(standing, freeze_until(until)) else None

    async def leave(self, standing: Standing, successor: str) -> bool:
        """As :meth:`cloudsvc.drive.freezing.Freezing.leave`."""
        return await self._go_on(standing, freeze_for_good(successor))

    async def thaw(self, *, even_moved: bool) -> None:
        """As :meth:`cloudsvc.drive.freezing.Freezing.thaw`."""
        if even_moved or self._tables.freeze.ends_by_itself:
            self._set_freeze(THAWED)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.snapshot`."""
        tables = self._tables
        copy, content = MemoryCatalogue(now=self._now, memory=Memory(tables=tables)), write_database(tables)
        yield Snapshot(catalogue=copy, content=BytesIO(content), size=len(content))

    async def tidy(self) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.tidy`."""

    @property
    def _tables(self) -> Tables:
        return self._memory.tables

    @property
    def _is_pinned(self) -> bool:
        return garbage.is_pinned(self._tables, self._now())

    @property
    def _is_frozen(self) -> bool:
        return self._tables.freeze.holds(self._now())

    def _check_thawed(self) -> None:
        if self._is_frozen:
            raise self._tables.freeze.make_refusal()

    async def _go_on(self, standing: Standing, freeze: Freeze) -> bool:
        """Freeze it otherwise, unless there may have been a change since ``standing``; whether that was done."""
        is_same = standing.freeze.ends_by_itself and await self.find_standing() == standing
        if is_same:
            self._set_freeze(freeze)
        return is_same

    def _set_freeze(self, freeze: Freeze) -> None:
        self._memory.tables = evolve(self._tables.copy(), freeze=freeze)

    def _list(self, actor: Actor) -> Lists:
        return Lists(sight=look_as(self._tables, actor))

    def _tend(self, change: Callable[[Tables], T], *, otherwise: T) -> T:
        """What some upkeep comes to; ``otherwise`` where the catalogue is frozen, and nothing is done."""

        def tend(tables: Tables) -> T:
            tables.freeze = THAWED
            return change(tables)

        return otherwise if self._is_frozen else self._change(tend)

    def _change(self, change: Callable[[Tables], T]) -> T:
        tables = self._tables.copy()
        result = change(tables)
        self._memory.tables = tables
        return result
