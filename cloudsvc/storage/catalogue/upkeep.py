"""Upkeep of the catalogue: what is stored and how much of it may go, garbage, blobs and their checksums, copies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from attrs import define

from cloudsvc.drive.accounts import Account, Miscount, MiscountedPayer, Quota
from cloudsvc.drive.catalogue import PinId, Snapshot
from cloudsvc.drive.freezing import Standing
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, BlobId, Instant, NodeId, VersionId
from cloudsvc.drive.pages import Page
from cloudsvc.storage.catalogue import accounts, collecting, counting, discarding, freezing, history, measuring, payers
from cloudsvc.storage.catalogue.listing import list_blobs
from cloudsvc.storage.database.group_commit import Weight, Writer
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.reading import Readers, ReadingConnection
from cloudsvc.storage.database.statements import Connection

T = TypeVar("T")
C = TypeVar("C", bound=ReadingConnection)
C_contra = TypeVar("C_contra", bound=ReadingConnection, contravariant=True)

STEP: Final = 500
"""Rows that go at once, so that whoever writes meanwhile hardly waits."""

_FEW: Final = 16
"""Blobs that are soon looked up."""


class Footprint(Protocol[C_contra]):
    """
    The bytes that the catalogue takes.

    :ivar size: what was found last.
    """

    size: int

    @property
    def is_recent(self) -> bool:
        """Whether :attr:`size` still counts."""
        ...

    def read(self, connection: C_contra, /) -> int:
        """The bytes as they were lately, or else now. Blocks."""
        ...

    def measure(self, connection: C_contra, /) -> int:
        """The bytes now. What comes and goes meanwhile may count or not. Blocks."""
        ...


class Copier(Protocol):
    """Makes copies of the catalogue."""

    def copy(self) -> AbstractAsyncContextManager[Snapshot]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.snapshot`."""
        ...


@define(eq=False, kw_only=True)
class Upkeep(Generic[C]):
    """
    All of a :class:`cloudsvc.drive.catalogue.Catalogue` but its tree: its ``Holdings``, ``Garbage``, ``Inventory``,
    ``Pins`` and ``Freezing``.
    """

    _writer: Writer[C]
    _readers: Readers[C]
    _copier: Copier
    _now: Callable[[], Instant]
    _footprint: Footprint[C]

    async def stored_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.stored_bytes`."""
        return await self._readers.run(counting.count_stored_bytes)

    async def catalogue_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.catalogue_bytes`."""
        if self._footprint.is_recent:
            return self._footprint.size
        return await self._readers.run(self._footprint.read)

    async def reclaimable_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.reclaimable_bytes`."""
        return await self._readers.run(counting.count_reclaimable_bytes, Lane.COUNTS)

    async def evictable_bytes(self, owner: NodeId | None = None) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.evictable_bytes`."""
        count = counting.count_reclaimable_bytes
        if owner is not None:
            count = partial(counting.count_evictable_bytes, owner=owner)
        return await self._readers.run(lambda connection: self._count_unless_pinned(connection, count), Lane.COUNTS)

    async def find_account(self, owner: NodeId) -> Account | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_account`."""
        return await self._readers.run(lambda connection: accounts.load_account(connection, owner))

    async def list_quotas(self) -> Sequence[Quota]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_quotas`."""
        return await self._readers.run(accounts.list_quotas, Lane.PAGES)

    async def droppable_bytes(self, owner: NodeId) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.droppable_bytes`."""
        count = partial(counting.count_droppable_bytes, owner=owner)
        return await self._readers.run(lambda connection: self._count_unless_pinned(connection, count), Lane.COUNTS)

    async def count_paid_bytes(self, names: Collection[str]) -> Mapping[str, int]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.count_paid_bytes`."""
        return await self._readers.run(lambda connection: payers.count_bytes(connection, names))

    async def droppable_paid_bytes(self, payer: str) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.droppable_paid_bytes`."""
        count = partial(payers.count_droppable_bytes, name=payer)
        return await self._readers.run(lambda connection: self._count_unless_pinned(connection, count), Lane.COUNTS)

    async def evict_paid(self, payer: str) -> bool:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.evict_paid`."""
        return await self._tend(lambda connection: self._evict_paid(connection, payer), otherwise=False)

    async def evict(self, owner: NodeId) -> bool:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.evict`."""
        return await self._tend(lambda connection: self._evict(connection, owner), otherwise=False)

    async def expire(self, *, trash_before: Instant, versions_before: Instant, changes_before: Instant) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.expire`."""
        await self._repeat(lambda connection: discarding.purge_before(connection, trash_before, STEP))
        await self._repeat(lambda connection: discarding.drop_versions_before(connection, versions_before, STEP))
        await self._repeat(lambda connection: history.forget_changes(connection, changes_before, STEP))

    async def remove_purged(self, limit: int) -> int:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.remove_purged`."""
        return await self._tend(lambda connection: discarding.remove_purged(connection, limit), otherwise=0)

    async def mark_for_deletion(self, limit: int, *, after: BlobId | None = None) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.mark_for_deletion`."""
        return await self._tend(
            lambda connection: collecting.mark_for_deletion(connection, limit, after, self._now()), otherwise=()
        )

    async def forget(self, blobs: Sequence[BlobId]) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.forget`."""
        await self._tend(lambda connection: collecting.forget(connection, blobs), otherwise=None)

    async def find_unknown(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_unknown`."""
        await self._writer.settle()
        lane = Lane.LOOKUPS if len(blobs) <= _FEW else Lane.PAGES
        return await self._readers.run(lambda connection: collecting.find_unknown(connection, blobs), lane)

    async def list_blobs(self, limit: int, cursor: str | None = None) -> Page[Blob]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_blobs`."""
        return await self._readers.run(lambda connection: list_blobs(connection, limit, cursor), Lane.PAGES)

    async def find_users(self, blob: BlobId) -> Sequence[tuple[DrivePath, VersionId]]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_users`."""
        return await self._readers.run(lambda connection: collecting.find_users(connection, blob), Lane.PAGES)

    async def find_miscounts(self) -> Sequence[Miscount]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_miscounts`."""
        return await self._readers.run(accounts.find_miscounts, Lane.COUNTS)

    async def find_miscounted_payers(self) -> Sequence[MiscountedPayer]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_miscounted_payers`."""
        return await self._readers.run(payers.find_miscounts, Lane.COUNTS)

    async def recount_payers(self) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.recount_payers`."""
        await self._tend(payers.recount, otherwise=None, frees=False)

    async def list_unmeasured(self, limit: int, *, after: BlobId | None = None) -> Sequence[Blob]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_unmeasured`."""
        return await self._readers.run(lambda connection: self._list_unmeasured(connection, limit, after), Lane.PAGES)

    async def record_checksums(self, measured: Blob) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.record_checksums`."""
        await self._tend(
            lambda connection: measuring.record_checksums(connection, measured), otherwise=None, frees=False
        )
        await self._repeat(lambda connection: measuring.deduplicate(connection, measured, STEP))

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.snapshot`."""
        return self._copier.copy()

    async def pin(self, until: Instant) -> PinId:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.pin`."""
        return await self._writer.run(lambda connection: collecting.insert_pin(connection, until, self._now()))

    async def unpin(self, pin: PinId) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.unpin`."""
        await self._writer.run(lambda connection: collecting.delete_pin(connection, pin))

    async def tidy(self) -> None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.tidy`."""
        await self._writer.tidy()

    async def find_standing(self) -> Standing:
        """As :meth:`cloudsvc.drive.freezing.Freezing.find_standing`."""
        return await self._readers.run(freezing.find_standing)

    async def is_frozen(self) -> bool:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.is_frozen`."""
        return await self._readers.run(self._is_frozen)

    async def freeze(self, until: Instant) -> Standing:
        """As :meth:`cloudsvc.drive.freezing.Freezing.freeze`."""
        return await self._writer.run(lambda connection: freezing.freeze(connection, until))

    async def renew(self, standing: Standing, until: Instant) -> Standing | None:
        """As :meth:`cloudsvc.drive.freezing.Freezing.renew`."""
        return await self._writer.run(lambda connection: freezing.renew(connection, standing, until))

    async def leave(self, standing: Standing, successor: str) -> bool:
        """As :meth:`cloudsvc.drive.freezing.Freezing.leave`."""
        return await self._writer.run(lambda connection: freezing.leave(connection, standing, successor))

    async def thaw(self, *, even_moved: bool) -> None:
        """As :meth:`cloudsvc.drive.freezing.Freezing.thaw`."""
        await self._writer.run(lambda connection: freezing.thaw(connection, even_moved=even_moved))

    async def _tend(self, work: Callable[[C], T], *, otherwise: T, frees: bool = True) -> T:
        """What some upkeep comes to; ``otherwise`` where the catalogue is frozen, and nothing is done."""
        return await self._writer.run(
            lambda connection: self._tend_at_once(connection, work, otherwise), weight=Weight.UPKEEP, frees=frees
        )

    def _tend_at_once(self, connection: C, work: Callable[[C], T], otherwise: T) -> T:
        freeze = freezing.find_standing(connection).freeze
        if freeze.holds(self._now()):
            return otherwise
        freezing.end_lapsed(connection, freeze)
        return work(connection)

    async def _repeat(self, work: Callable[[Connection], int]) -> None:
        while await self._tend(work, otherwise=0):
            pass

    def _is_frozen(self, connection: Connection) -> bool:
        return freezing.is_catalogue_frozen(connection, self._now())

    def _list_unmeasured(self, connection: Connection, limit: int, after: BlobId | None) -> Sequence[Blob]:
        # What is read could not be recorded, and would be read again and again.
        return () if self._is_frozen(connection) else measuring.list_unmeasured(connection, limit, after)

    def _evict(self, connection: Connection, owner: NodeId) -> bool:
        return not collecting.is_pinned(connection, self._now()) and discarding.evict(connection, owner)

    def _evict_paid(self, connection: Connection, name: str) -> bool:
        return not collecting.is_pinned(connection, self._now()) and discarding.evict_paid(connection, name)

    def _count_unless_pinned(self, connection: Connection, count: Callable[[Connection], int]) -> int:
        return 0 if collecting.is_pinned(connection, self._now()) else count(connection)
