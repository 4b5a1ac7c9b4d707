"""
Capacity: reservations for uploads, and eviction of what makes way for them.

An announcement is worth nothing: it is checked, and holds nothing. What has arrived counts while it is there. Trash and
old versions are given up for what is stored, right after that has become certain, and for nothing else: whoever leaves,
or is refused in the end, has cost nobody anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Set
from functools import partial
from typing import Any, Final, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError
from cloudsvc.core.sharing import SharedQuestion
from cloudsvc.drive.accounts import NO_ALLOWANCE, Account, Allowance
from cloudsvc.drive.catalogue import Holdings, Place
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.errors import (
    NO_CAPACITY,
    QUOTA_EXCEEDED,
    USER_QUOTA_EXCEEDED,
    CommandError,
    RoomError,
    no_capacity,
    payer_quota_exceeded,
    quota_exceeded,
)
from cloudsvc.drive.nodes import ROOT_ID, NodeId
from cloudsvc.drive.payers import PayerQuotas, find_missing

T = TypeVar("T")

_log = Logger("cloudsvc.drive")

LEAST_STEP: Final = 2**20
"""Bytes of an upload that arrive before room is asked for the first time: they are in memory, not on disk."""

MOST_STEP: Final = 2**24
"""Bytes that arrive between two such questions at most; so far an upload may go beyond the room that there is."""

CATALOGUE_SHARE: Final = 128 * 2**20
"""
Bytes that the catalogue may take, with its log and its snapshots, before it counts: any drive with thousands of files
takes some of them, and the log comes and goes. What goes beyond is taken from what the files may have.
"""

_ATTEMPTS: Final = 10
"""How often an upload that is complete looks again, when others have taken the room that it had found."""


@define(eq=False, kw_only=True)
class Capacity:
    """
    Keeps what is stored within the capacity, and what arrives within what could be stored.

    When it is short, the oldest trash goes first, then the oldest superseded versions, current files never; and only
    what counts to the same quota owner as what is stored, so that nobody makes room at the cost of others.

    :ivar limit: bytes that all blobs together may take, and the catalogue beyond :data:`CATALOGUE_SHARE`.
    :ivar payers: looks after the quotas of users.
    :ivar arrived: bytes, of all time, of uploads that are not stored yet.
    :ivar settled: how many of them are stored or thrown away by now.
    """

    catalogue: Holdings
    collection: Collection
    limit: int
    payers: PayerQuotas = field(init=False)
    _arrived: int = 0
    _settled: int = 0
    _giving_up: DeferredLock = field(factory=DeferredLock)
    # They cost what trash and old versions are; so many uploads that begin at once must not wait in a queue.
    _evictable: dict[NodeId | None, SharedQuestion[int]] = field(factory=dict)
    _droppable: dict[NodeId, SharedQuestion[int]] = field(factory=dict)

    @payers.default
    def _make_payers(self) -> PayerQuotas:
        return PayerQuotas(self.catalogue)

    def open_room(self, actor: Actor, owner: NodeId = ROOT_ID, leaving: int = 0, relief: int = 0) -> Room:
        """Room for one upload, of which nothing has arrived yet, as :class:`Room` says."""
        return Room(capacity=self, actor=actor, owner=owner, leaving=leaving, relief=relief)

    @property
    def settled(self) -> int:
        """Bytes, of all time, of uploads that are stored or gone by now."""
        return self._settled

    async def check_at(self, room: Room, place: Place, size: int, settled: int) -> None:
        """
        As :meth:`check`, :meth:`check_quota` and the one of :attr:`payers`, for whoever has asked just now what the
        drive holds.

        :param room: of the upload, of which nothing has arrived yet.
        :param settled: as it was before that was asked: what was settled since may be stored, and not be counted.
        :raises CloudError: likewise.
        """
        if place.stored_bytes + _find_excess(place.catalogue_bytes) + self._arrived - settled + size > self.limit:
            # It may be that something makes way.
            await self.check(size, place.owner)
        if _find_missing(place.account, size - room.leaving):
            await self.check_quota(size - room.leaving, place.owner)
        if find_missing(room.actor.payer, place.paid_bytes, size - room.relief):
            await self.payers.check(size - room.relief, room.actor)

    async def check(self, size: int = 0, owner: NodeId | None = None) -> None:
        """
        See that ``size`` bytes more could be stored, beside all that are arriving.

        :param owner: the quota owner of which something may be given up for them; ``None`` for all of them.
        :raises CloudError: they could not, also when everything is given up that may be.
        """
        has_collected = False
        while True:
            settled = self._settled
            stored = await self._find_used()
            # What was settled meanwhile may be stored by now, and not be among what was counted.
            missing = stored + self._arrived - settled + size - self.limit
            if missing <= 0 or missing <= await self._count_evictable(owner):
                return
            if settled != self._settled:
                continue
            if has_collected:
                raise no_capacity()
            # What somebody has given up may be about to go.
            await self.collection.collect()
            has_collected = True

    async def check_quota(self, size: int, owner: NodeId) -> None:
        """
        See that ``size`` bytes more could count to ``owner``. What is arriving counts to the drive alone.

        :raises CloudError: they could not, also when everything is given up that may be.
        """
        missing = await self._find_missing_quota(size, owner)
        if missing and missing > await self._count_droppable(owner):
            raise quota_exceeded(owner)

    async def check_catalogue(self) -> None:
        """
        See that the catalogue may grow, be it that it is small, or that there is room.

        :raises CloudError: as :meth:`check`.
        """
        if await self._find_excess():
            await self.check()

    async def admit(
        self, actor: Actor, size: int, store: Callable[[int, Allowance], Awaitable[T]], leaving: int = 0
    ) -> T:
        """
        What ``store`` returns, which stores ``size`` bytes that are complete. Only then it gives up what must go.

        :param actor: on whose behalf.
        :param store: takes the bytes that all blobs together may take, and what may be beyond that and beyond the
            quotas this once, and refuses what goes beyond.
        :param leaving: as in :class:`Room`.
        :raises CloudError: there is no room, or another refusal of ``store``. Nothing is given up.
        """
        try:
            # Mostly there is room, or the bytes are there already and take none.
            return await store(self.limit - await self._find_excess(), NO_ALLOWANCE)
        except CloudError as problem:
            shortage = _find_shortage(problem)
            if shortage is None:
                raise
        return await self._giving_up.run(self._admit_instead, actor, size, store, leaving, shortage)

    async def hold_back(self, restore: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """
        What ``restore`` returns, which takes something out of the trash: not while somebody's file may be beyond what
        is free because that is there to be given up.
        """
        return await self._giving_up.run(restore)

    async def _admit_instead(
        self,
        actor: Actor,
        size: int,
        store: Callable[[int, Allowance], Awaitable[T]],
        leaving: int,
        shortage: RoomError,
    ) -> T:
        # Only what was found to be short: bytes that are there already take no room of the drive.
        short, missing = {shortage.code}, 0
        if shortage.code == USER_QUOTA_EXCEEDED:
            # What has been given up before goes first, and it may be enough: how much is missing says the next attempt.
            await self.collection.collect()
        for _ in range(_ATTEMPTS):
            allowance = await self._find_allowance(size, leaving, shortage.owner, short)
            if missing:
                allowance = evolve(allowance, payer=await self._find_payer_allowance(actor, missing, shortage))
            try:
                result = await store(self.limit - await self._find_excess(), allowance)
            except CloudError as problem:
                found = _find_shortage(problem)
                if found is None:
                    raise
                # It may count to another owner by now.
                short = {found.code} | (short if found.owner == shortage.owner else set())
                missing, shortage = found.missing or missing, found
                continue
            await self._shrink(allowance, actor)
            return result
        raise shortage

    async def _find_allowance(self, size: int, leaving: int, owner: NodeId, short: Set[str]) -> Allowance:
        """
        How many bytes have to be given up for ``size`` more. Those that are still arriving may wait.

        :param short: the codes of what is.
        :raises CloudError: more than may be, of what counts to ``owner``.
        """
        drive = quota = 0
        if NO_CAPACITY in short:
            if await self._find_used() + size > self.limit:
                # What has been given up before goes first. What then is still there, the disk does not let go of.
                await self.collection.collect()
            drive = max(0, await self._find_used() + size - self.limit)
            if drive and drive > await self.catalogue.evictable_bytes(owner):
                raise no_capacity(owner)
        if QUOTA_EXCEEDED in short:
            if await self._find_missing_quota(size - leaving, owner):
                await self.collection.collect()
            quota = await self._find_missing_quota(size - leaving, owner)
            if quota and quota > await self.catalogue.droppable_bytes(owner):
                raise quota_exceeded(owner)
        return Allowance(owner=owner, drive=drive, quota=quota)

    async def _find_payer_allowance(self, actor: Actor, missing: int, shortage: RoomError) -> int:
        """
        How many bytes of what the payer of ``actor`` has stored have to be given up, where so many are missing.

        :raises CloudError: more than may be.
        """
        if actor.payer is None or missing > await self.payers.count_droppable(actor.payer.name):
            raise payer_quota_exceeded(actor, shortage.owner, missing)
        return missing

    async def _shrink(self, allowance: Allowance, actor: Actor) -> None:
        """
        Come back to the limit and the quotas, whichever was allowed to be exceeded. What has been given up before goes
        first, then something that counts to the owner or the payer, and nothing else.
        """
        try:
            while await self._find_eviction(allowance, actor) is not None:
                if await self.collection.collect():
                    continue
                # It may have been enough, though no blob went.
                evict = await self._find_eviction(allowance, actor)
                if evict is None or not await evict():
                    break
        except CloudError as problem:
            # What was stored is stored. Whoever comes next finds that there is too little room, and tries again.
            _log.error("no room can be made: {reason}", reason=problem.message)

    async def _find_eviction(self, allowance: Allowance, actor: Actor) -> Callable[[], Awaitable[bool]] | None:
        """What gives something up for what is still exceeded; ``None`` where nothing is."""
        exceeds_drive = allowance.drive > 0 and await self._find_used() > self.limit
        if exceeds_drive or (allowance.quota and await self._find_missing_quota(0, allowance.owner)):
            return partial(self.catalogue.evict, allowance.owner)
        if actor.payer is not None and allowance.payer and await self.payers.find_missing(0, actor.payer):
            return partial(self.catalogue.evict_paid, actor.payer.name)
        return None

    async def _find_missing_quota(self, size: int, owner: NodeId) -> int:
        """How many bytes the quota of ``owner`` lacks for ``size`` more."""
        return 0 if owner == ROOT_ID else _find_missing(await self.catalogue.find_account(owner), size)

    async def _count_evictable(self, owner: NodeId | None) -> int:
        if owner not in self._evictable:
            self._evictable[owner] = SharedQuestion(partial(self.catalogue.evictable_bytes, owner))
        return await self._evictable[owner].ask()

    async def _count_droppable(self, owner: NodeId) -> int:
        if owner not in self._droppable:
            self._droppable[owner] = SharedQuestion(partial(self.catalogue.droppable_bytes, owner))
        return await self._droppable[owner].ask()

    async def _find_used(self) -> int:
        """Bytes that count."""
        return await self.catalogue.stored_bytes() + await self._find_excess()

    async def _find_excess(self) -> int:
        """Of the catalogue, bytes that count."""
        return _find_excess(await self.catalogue.catalogue_bytes())

    def arrive(self, size: int) -> None:
        """``size`` bytes more are here."""
        self._arrived += size

    def settle(self, size: int) -> None:
        """``size`` bytes of those that had arrived are stored, or gone."""
        self._settled += size


def _find_excess(catalogue_bytes: int) -> int:
    """Of what the catalogue takes, bytes that count."""
    return max(0, catalogue_bytes - CATALOGUE_SHARE)


def _find_missing(account: Account | None, size: int) -> int:
    """How many bytes the quota lacks for ``size`` more."""
    return 0 if account is None else max(0, account.stored_bytes + size - account.quota)


def _find_shortage(problem: CloudError) -> RoomError | None:
    """The shortage for which a file itself was refused. What is done right after it has to fit as it is."""
    if isinstance(problem, CommandError) and problem.number == 1:
        problem = problem.reason
    return problem if isinstance(problem, RoomError) else None


@define(eq=False, kw_only=True)
class Room:
    """
    What one upload takes while it arrives. Whoever got it gives it back, whatever happens.

    :ivar actor: to whose payer it will count.
    :ivar owner: the quota owner to which it will.
    :ivar leaving: bytes that count to it no more in the moment in which the upload does.
    :ivar relief: those of them that count to the payer no more; what goes may be another one's.
    :ivar size: bytes that have arrived.
    """

    capacity: Capacity
    actor: Actor
    owner: NodeId = ROOT_ID
    leaving: int = 0
    relief: int = 0
    size: int = 0
    _checked_at: int = LEAST_STEP

    async def grow(self, size: int) -> None:
        """
        So many bytes have arrived in all. Whether there is room for them is asked in growing steps.

        :raises CloudError: there is none. They count no more, so that of two that have no room together one has.
        """
        self.capacity.arrive(size - self.size)
        self.size = size
        if size >= self._checked_at:
            self._checked_at = size + min(max(size, LEAST_STEP), MOST_STEP)
            try:
                await self.capacity.check(owner=self.owner)
                await self.capacity.check_quota(size - self.leaving, self.owner)
                await self.capacity.payers.check(size - self.relief, self.actor)
            except BaseException:
                self.give_back()
                raise

    def give_back(self) -> None:
        """It is not needed any more. May be called more than once."""
        self.capacity.settle(self.size)
        self.size = 0
