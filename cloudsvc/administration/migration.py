"""
Migration of a drive to another home with other engines, while it is in use.

What the target lacks is copied round by round, until little is left. Then the drive is frozen; the rest is copied, the
catalogue is installed at the target, frozen as well, and held against the source. The source stays frozen for good, and
the target is thawed.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final, Protocol

from attrs import define, frozen
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from cloudsvc.administration.blob_moving import BlobMoving, Moved
from cloudsvc.administration.migration_journal import Journal
from cloudsvc.administration.progress import Progress
from cloudsvc.administration.standstill import Standstill, stand_still
from cloudsvc.administration.stocktaking import Stock, take_stock
from cloudsvc.core.actors import OWNER
from cloudsvc.core.coroutines import complete
from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.drive.catalogue import Inventory, Snapshot
from cloudsvc.drive.freezing import ARRIVING, Beginning, Freezing, Standing
from cloudsvc.drive.inventory import list_blobs
from cloudsvc.drive.names import ROOT
from cloudsvc.drive.replacement import Replacement, Unusable
from cloudsvc.storage.opened import OpenedDrive

_log = Logger("cloudsvc.administration")

_ROUNDS: Final = 10
"""So often what has come meanwhile is copied before the drive is frozen, however much comes."""

_LITTLE_BYTES: Final = 64 * 2**20
_LITTLE: Final = 500
"""Blobs and bytes that are copied while the drive is frozen."""

_EVER: Final = 2**62
"""A moment before which all blobs were sealed."""

_AGAIN: Final = "the drive goes on as it was; repeat this"


OTHER_ARRIVES: Final = (
    "another drive is about to arrive at the home to move to: repeat the command that moves it, or choose another home"
)
"""What is said where a drive would be replaced that may be the only one of its kind that is up to date."""


class Target(Protocol):
    """Where a drive moves to. Nobody else uses it meanwhile."""

    def open(self) -> AbstractAsyncContextManager[OpenedDrive]:
        """
        The drive that is there, made where there is none, until the context ends.

        :raises OperatorError: it cannot be opened.
        """
        ...

    def replace(self) -> AbstractAsyncContextManager[Replacement]:
        """
        What replaces it, while it is not open.

        :raises OperatorError: others have it open.
        """
        ...


@frozen(kw_only=True)
class Migrated:
    """
    What has moved.

    :ivar copied: what was copied by this command; what had been before is not in it.
    :ivar frozen_seconds: for which changes were refused; ``None`` where an earlier command has done that.
    :ivar kept: where all is kept that the target held before; ``None`` where that was nothing.
    """

    stock: Stock
    copied: Moved
    frozen_seconds: float | None
    kept: str | None


async def check_movable(catalogue: Freezing) -> Standing:
    """
    See that a drive has not moved, and is not about to arrive; where its history stands.

    :raises OperatorError: it has, or is.
    """
    standing = await catalogue.find_standing()
    if standing.is_arriving:
        raise OperatorError(
            ["the drive is about to arrive at this home: repeat what moves it, or say `cloudsvc migrate --reopen` here"]
        )
    if standing.has_moved:
        raise OperatorError(
            ["the drive has moved already; `cloudsvc migrate --reopen` makes this home its place again"]
        )
    return standing


@define(eq=False, kw_only=True)
class Migration:
    """
    One from a drive that is open to a target. Done again after it was interrupted, it goes on where it was.

    :ivar journal: that of the target.
    """

    source: OpenedDrive
    target: Target
    journal: Journal
    clock: IReactorTime
    progress: Progress
    _blobs: int = 0
    _size: int = 0

    async def run(self) -> Migrated:
        """
        Do it.

        :raises OperatorError: it cannot be done, and why. The source goes on as it was, unless that says otherwise.
        :raises CloudError: a storage fails; the source goes on as it was.
        """
        if await self._has_left():
            return await self._end()
        await check_movable(self.source.catalogue)
        async with self.target.open() as target:
            await self._look_at(target)
            self.progress.begin("copying", await self.source.catalogue.stored_bytes())
            for _ in range(_ROUNDS):
                moved = await self._move(self.source.catalogue, target)
                if moved.blobs <= _LITTLE and moved.size <= _LITTLE_BYTES:
                    break
        return await self._finish()

    async def _look_at(self, target: OpenedDrive) -> None:
        """
        See what the target has, and whether it may be replaced, and can and may hold what comes.

        :raises OperatorError: it may not, or has no room.
        """
        run, standing = self.source.disk.run, await target.catalogue.find_standing()
        await self._check(target, standing)
        stored, capacity = await self.source.catalogue.stored_bytes(), target.limits.capacity
        if stored > capacity:
            # It would give up trash and old versions for the next files that are stored, or refuse them.
            holds = f"the drive holds {stored:,} bytes, and the home to move to may hold only {capacity:,}"
            raise OperatorError([f"{holds}: raise storage_config.capacity_gb there, then repeat this"])
        await run(self.journal.forget_present)
        async for bundle in target.blobs.list(_EVER):
            await run(self.journal.note_present, bundle)
        await run(self.journal.forget_missing)
        free = await target.blobs.free_bytes()
        if free is not None and (missing := await self._count_missing()) > free:
            room = f"{missing:,} bytes are to be copied, and there is room for {free:,}"
            raise OperatorError([f"{room}: make more room there, then repeat this; nothing was copied"])

    async def _count_missing(self) -> int:
        """The bytes of what the target has nothing of."""
        missing = 0
        async for page in list_blobs(self.source.catalogue):
            chosen = await self.source.disk.run(self.journal.choose, page)
            missing += sum(blob.size for blob, is_present in chosen if not is_present)
        return missing

    async def _check(self, target: OpenedDrive, standing: Standing) -> None:
        if standing.epoch == (await self.source.catalogue.find_standing()).epoch:
            raise OperatorError(["both homes have the same catalogue: set another database.url in the one to move to"])
        if standing.has_moved:
            return
        if standing.is_arriving:
            # We were interrupted right after that: nobody can have changed anything there.
            if not await self.source.disk.run(self.journal.has_installed, standing.epoch):
                raise OperatorError([OTHER_ARRIVES])
            return
        children, trash = (
            await target.catalogue.list_children(OWNER, ROOT, 1),
            await target.catalogue.list_trash(OWNER, 1),
        )
        if children.items or trash.items:
            raise OperatorError(
                ["the drive to move to holds files: move to a home with an empty drive; nothing was replaced"]
            )

    async def _move(self, catalogue: Inventory, target: OpenedDrive) -> Moved:
        moving = BlobMoving(
            source=self.source.blobs,
            target=target.blobs,
            journal=self.journal,
            disk=self.source.disk,
            progress=self.progress,
        )
        moved = await moving.move(catalogue)
        self._blobs, self._size = self._blobs + moved.blobs, self._size + moved.size
        return moved

    async def _finish(self) -> Migrated:
        """All that is done while the drive is frozen, and what follows."""
        since, beginning = self.clock.seconds(), Beginning(freeze=ARRIVING)
        standing_still = stand_still(self.source.catalogue, self.clock, self.source.now)
        moved: Migrated | None = None
        try:
            async with standing_still as standstill, self.source.copies.hold() as snapshot:
                self.progress.begin("moving", await snapshot.catalogue.stored_bytes())
                kept = await self._install(snapshot, standstill, beginning)
                stock = await self._compare(snapshot)
                if not await standstill.end_for_good(beginning.epoch):
                    raise OperatorError([f"the drive has changed while it was frozen: {_AGAIN}"])
                copied = Moved(blobs=self._blobs, size=self._size)
                seconds = self.clock.seconds() - since
                moved = Migrated(stock=stock, copied=copied, frozen_seconds=seconds, kept=kept)
        except (CloudError, CancelledError) as problem:
            if moved is None:
                raise
            # What is held for a while ends by itself.
            _log.warn("the drive has moved, and something went wrong afterwards: {problem}", problem=problem)
        await self._let_go_on()
        await self._tidy()
        return moved

    async def _has_left(self) -> bool:
        """Whether an earlier command has left the source for the target, and was interrupted then."""
        standing = await self.source.catalogue.find_standing()
        if not standing.has_moved:
            return False
        async with self.target.open() as target:
            epoch = (await target.catalogue.find_standing()).epoch
        return standing.has_become(epoch) and await self.source.disk.run(self.journal.has_installed, epoch)

    async def _end(self) -> Migrated:
        """What an interrupted command has left to be done."""
        await self._let_go_on()
        async with self.target.open() as target:
            stock = await take_stock(target.catalogue)
        await self._tidy()
        return Migrated(stock=stock, copied=Moved(blobs=0, size=0), frozen_seconds=None, kept=None)

    async def _let_go_on(self) -> None:
        """
        Let the target take changes, once the source has been left.

        :raises OperatorError: it does not take any yet.
        """
        try:
            async with self.target.open() as target:
                if (await target.catalogue.find_standing()).is_arriving:
                    await target.catalogue.thaw(even_moved=True)
        except (CloudError, OperatorError, CancelledError) as problem:
            reason = "this was interrupted" if isinstance(problem, CancelledError) else problem
            raise OperatorError(
                [f"the drive has moved, but takes no changes yet at its new home ({reason}): repeat this"]
            ) from None

    async def _tidy(self) -> None:
        """Remove what is not needed. What stays does no harm: it is orphaned, and goes in its time."""
        with suppress(CloudError, OperatorError, CancelledError):
            await self._clear()
        with suppress(OSError, sqlite3.Error, CancelledError):
            await complete(self.source.disk.run(self.journal.remove))

    async def _install(self, snapshot: Snapshot, standstill: Standstill, beginning: Beginning) -> str | None:
        async with self.target.open() as target:
            await self._move(snapshot.catalogue, target)
            # Copying may have taken days, in which a server may have worked there for a while.
            await self._check(target, await target.catalogue.find_standing())
        async with self.target.replace() as replacement:
            try:
                await replacement.take(snapshot.content, None, beginning)
            except Unusable as problem:
                raise OperatorError([f"the drive cannot move: {problem}; see docs/recovery.md"]) from None
            if not standstill.is_unbroken:
                raise OperatorError([f"this was halted for too long: {_AGAIN}"])
            await self.source.disk.run(self.journal.note_installation, beginning.epoch)
            return await replacement.install()

    async def _compare(self, snapshot: Snapshot) -> Stock:
        """What the target holds, which is what the source does."""
        expected = await take_stock(snapshot.catalogue)
        async with self.target.open() as target:
            found = await take_stock(target.catalogue)
        if found != expected:
            raise OperatorError([f"the target does not hold what the drive does ({found} and {expected}): {_AGAIN}"])
        return found

    async def _clear(self) -> None:
        """Remove from the target what was copied and is not needed, since it was collected before the end."""
        run = self.source.disk.run
        bundles = self.journal.list_brought()
        async with self.target.open() as target:
            while bundle := await complete(run(next, bundles, ())):
                await target.blobs.delete(await target.catalogue.find_unknown(bundle))
