"""Room for what arrives: promised before the first byte is taken, found among what nobody would miss."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import DeferredLock

from cloudsvc.drive.catalogue import Holdings
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.errors import no_capacity


@define(eq=False, kw_only=True)
class Capacity:
    """
    Promises room to uploads, so that together they stay within the capacity.

    When it is short, the oldest trash goes first, then the oldest superseded versions, current files never.

    :ivar limit: bytes that all blobs together may take.
    :ivar promised: bytes, of all time.
    :ivar given_back: how many of them are not promised any more.
    """

    catalogue: Holdings
    collection: Collection
    limit: int
    _promised: int = 0
    _given_back: int = 0
    _making_room: DeferredLock = field(factory=DeferredLock)

    async def promise(self, size: int) -> Room:
        """
        Room for ``size`` bytes.

        :raises CloudError: there is none, also when everything is given up that may be.
        """
        room = Room(capacity=self)
        await room.grow(size)
        return room

    async def check(self, size: int) -> None:
        """
        See that ``size`` bytes could be promised; they are not.

        :raises CloudError: as :meth:`promise`.
        """
        missing = await self._missing(size)
        if missing > 0 and missing > await self.catalogue.reclaimable_bytes():
            raise no_capacity()

    async def reserve(self, size: int) -> None:
        """
        Promise ``size`` bytes more.

        :raises CloudError: as :meth:`promise`.
        """
        if await self._missing(size) > 0:
            await self._making_room.run(self._make_room, size)
        else:
            self._promised += size

    async def _missing(self, size: int) -> int:
        """How many bytes there are too few just now, when ``size`` more are promised."""
        given_back = self._given_back
        stored = await self.catalogue.stored_bytes()
        # What was given back meanwhile may be stored by now, and not be among what was counted.
        return stored + self._promised - given_back + size - self.limit

    async def _make_room(self, size: int) -> None:
        promised, before = -1, 0
        while (missing := await self._missing(size)) > 0:
            # What has been given up before goes first.
            if await self.collection.collect():
                continue
            # Asking costs what the trash is, so that it is asked again only when the last answer may not hold any more.
            if self._promised != promised or missing >= before:
                promised = self._promised
                if missing > await self.catalogue.reclaimable_bytes():
                    raise no_capacity()
            before = missing
            if not await self.catalogue.shed():
                raise no_capacity()
        self._promised += size

    def give_back(self, size: int) -> None:
        """``size`` promised bytes are not needed, or are counted as stored by now."""
        self._given_back += size


@define(eq=False, kw_only=True)
class Room:
    """What was promised to one upload. Whoever got it gives it back, whatever happens."""

    capacity: Capacity
    size: int = 0

    async def grow(self, size: int) -> None:
        """
        Make it at least ``size`` bytes.

        :raises CloudError: there is no more.
        """
        if size > self.size:
            more = size - self.size
            await self.capacity.reserve(more)
            self.size = size

    def give_back(self) -> None:
        """It is not needed any more. May be called more than once."""
        self.capacity.give_back(self.size)
        self.size = 0
