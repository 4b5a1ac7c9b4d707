"""The drive as an application of this server: the only place where its routes, its rules and its storage meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cloudsvc.administration.opened import OpenedDrive
from cloudsvc.administration.opening import Workshop, assemble, make_snapshots, open_storage
from cloudsvc.api.drive import DriveRoutes, StorageSettings
from cloudsvc.drive.expiry import Expiry
from cloudsvc.drive.housekeeping import Chore, Housekeeping
from cloudsvc.drive.thumbnails import Thumbnails
from cloudsvc.extend import Check, Finding, Tools
from cloudsvc.thumbnails.cache import open_cache
from cloudsvc.thumbnails.maker import ProcessThumbnailMaker

_THUMBNAIL_BYTES: Final = 256 * 2**20

_MINUTE: Final = 60.0
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

_COLLECT: Final = "delete what nothing refers to"


class DriveApplication(DriveRoutes):
    """Files and folders, their versions, the trash."""

    def __init__(self, settings: StorageSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        self._workshop = Workshop.of(tools.make_threads, tools.clock)
        self._stored = tools.instruments.gauge("stored_bytes", "Bytes of all files, versions and the trash.")
        tools.instruments.gauge("capacity_bytes", "Bytes that may be stored.").set(settings.limits.capacity)

    async def start(self) -> None:
        """
        Open the storage, and begin to clean up behind whatever was killed.

        :raises StartFault: it cannot be opened.
        """
        self._storage = await open_storage(self.tools.data, self._workshop)
        try:
            await self._begin()
        except BaseException:
            await self._storage.close()
            raise

    async def _begin(self) -> None:
        tools = self.tools
        self._opened = opened = assemble(
            self._storage,
            tools.data,
            self.settings.limits,
            self._workshop,
            collect_soon=lambda: self._housekeeping.hurry(_COLLECT),
        )
        self.drive = opened.drive
        self._maker = ProcessThumbnailMaker(processes=tools.processes, clock=tools.clock)
        self.thumbnails = Thumbnails(
            drive=opened.drive,
            maker=self._maker,
            cache=await open_cache(tools.data / "thumbnails", opened.disk, most_bytes=_THUMBNAIL_BYTES),
            size=self.settings.thumbnail_size,
        )
        self._housekeeping = Housekeeping(clock=tools.clock, chores=self._list_chores(opened))
        self._housekeeping.start()

    async def stop(self) -> None:
        """Finish what runs, and let go of the storage."""
        await self._maker.stop()
        await self._housekeeping.stop()
        await self._storage.close()

    def checks(self) -> Sequence[Check]:
        """Whether the catalogue answers."""
        return [Check(name="drive", vital=True, run=self._ask_catalogue)]

    def _list_chores(self, opened: OpenedDrive) -> list[Chore]:
        snapshots = make_snapshots(opened.catalogue, self.tools.data, self._workshop)

        expiry = Expiry(
            catalogue=opened.catalogue,
            blobs=opened.blobs,
            limits=opened.limits,
            now=opened.now,
            clock=self._workshop.clock,
        )
        return [
            Chore(name="count what is stored", every=_MINUTE, work=self._count),
            Chore(name="keep room for deleting", every=_HOUR, work=self._fill_reserve),
            Chore(name="clear what nobody knows", every=_DAY, work=opened.collection.clear_strays),
            Chore(name="give up what is old", every=_HOUR, work=expiry.run, at_once=False),
            Chore(name=_COLLECT, every=_HOUR, work=opened.collection.collect),
            Chore(name="take a snapshot of the catalogue", every=_HOUR, work=snapshots.take_daily),
        ]

    async def _fill_reserve(self) -> None:
        await self._workshop.threads.disk.run(self._storage.reserve.fill)

    async def _count(self) -> None:
        self._stored.set(await self._opened.catalogue.stored_bytes())

    async def _ask_catalogue(self) -> Finding:
        await self._count()
        return Finding(ok=True, message="The catalogue answers.")
