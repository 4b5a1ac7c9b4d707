"""Room for what arrives: promised before the first byte is taken, found among what nobody would miss."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import DeferredLock

from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.errors import no_capacity


@define(eq=False, kw_only=True)
class Capacity:
    """
    Promises room to uploads, so that together they stay within the capacity.

    When it is short, the oldest trash goes first, then the oldest superseded versions, current files never.

    :ivar limit: bytes that all blobs together may take.
    """

    catalogue: Catalogue
    collection: Collection
    limit: int
    _promised: int = 0
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
        if await self._missing() + size > await self.catalogue.reclaimable_bytes():
            raise no_capacity()

    async def reserve(self, size: int) -> None:
        """
        Promise ``size`` bytes more.

        :raises CloudError: as :meth:`promise`.
        """
        # Promised before asking: whoever asks meanwhile must see it.
        self._promised += size
        try:
            if await self._missing() > 0:
                await self._making_room.run(self._make_room)
        except BaseException:
            self._promised -= size
            raise

    async def _missing(self) -> int:
        return await self.catalogue.stored_bytes() + self._promised - self.limit

    async def _make_room(self) -> None:
        missing = await self._missing()
        if missing <= 0:
            return
        if missing > await self.catalogue.reclaimable_bytes():
            raise no_capacity()
        while missing > 0:
            # What has been given up before goes first; and nothing is given up that would make no room.
            if not await self.collection.collect() and not await self.catalogue.shed():
                raise no_capacity()
            missing = await self._missing()

    def give_back(self, size: int) -> None:
        """``size`` promised bytes are not needed, or are counted as stored by now."""
        self._promised -= size


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
