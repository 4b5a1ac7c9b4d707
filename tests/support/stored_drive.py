"""The routes of the drive on local storage, as an application of a running server."""

from __future__ import annotations

import time

from cloudsvc.api.drive import DriveRoutes, StorageSettings
from cloudsvc.drive.capacity import Capacity
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.drive import Drive
from cloudsvc.extend import Tools
from cloudsvc.storage.local import LocalStorage, StorageThreads


class StoredDrive(DriveRoutes):
    """Without housekeeping and without thumbnails."""

    def __init__(self, settings: StorageSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        make = tools.make_threads
        self._threads = StorageThreads(writer=make(1), readers=make(4), disk=make(8))

    async def start(self) -> None:
        self._storage = storage = await LocalStorage.open(
            self.tools.data, self._threads, now=lambda: time.time_ns() // 1000
        )
        limits = self.settings.limits
        collection = Collection(catalogue=storage.catalogue, blobs=storage.blobs)
        self.drive = Drive(
            catalogue=storage.catalogue,
            blobs=storage.blobs,
            capacity=Capacity(catalogue=storage.catalogue, collection=collection, limit=limits.capacity),
            collect_soon=lambda: None,
            limits=limits,
        )

    async def stop(self) -> None:
        await self._storage.close()
