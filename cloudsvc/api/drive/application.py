"""The drive's HTTP API as an application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from cloudsvc.api.drive.batch import BatchRoutes
from cloudsvc.api.drive.changes import ChangesRoutes
from cloudsvc.api.drive.copies import CopyRoutes
from cloudsvc.api.drive.events import EventRoutes
from cloudsvc.api.drive.files import FileRoutes
from cloudsvc.api.drive.folders import FolderRoutes
from cloudsvc.api.drive.listing import ListingRoutes
from cloudsvc.api.drive.telling import ToldChange
from cloudsvc.api.drive.thumbnails import ThumbnailRoutes
from cloudsvc.api.drive.trash import TrashRoutes
from cloudsvc.api.drive.versions import VersionRoutes
from cloudsvc.extend import Application, Combine, Drive, Routes, Standings, Thumbnails
from cloudsvc.extend.drive import Feed, StorageSettings


class DriveApplication(Application[StorageSettings]):
    """Files and folders, their versions, the trash, what changes."""

    name = "drive"
    section = "storage_config"
    mounts = ("files", "folders", "versions", "trash", "copies", "batch", "changes", "events")
    settings_type = StorageSettings
    needs = (Drive, Thumbnails)
    route_types = (
        FileRoutes,
        ThumbnailRoutes,
        ListingRoutes,
        FolderRoutes,
        VersionRoutes,
        TrashRoutes,
        CopyRoutes,
        BatchRoutes,
        ChangesRoutes,
        EventRoutes,
    )

    def make_routes(self) -> Sequence[Routes]:
        """All of them, around the one drive."""
        drive, thumbnails = (self.tools.services.get(Drive), self.tools.services.get(Thumbnails))
        feed = Feed(source=drive, render=ToldChange.of, clock=self.tools.clock)
        Deferred.fromCoroutine(self._end_when_draining(feed))
        followers = self.tools.instruments.gauge("followers", "Who waits for changes.", combine=Combine.SUM)
        followers.set_function(lambda: len(feed))
        standings = Standings(self.tools.clock)
        return (
            FileRoutes(drive=drive),
            ThumbnailRoutes(drive=drive, thumbnails=thumbnails),
            ListingRoutes(drive=drive),
            FolderRoutes(drive=drive),
            VersionRoutes(drive=drive),
            TrashRoutes(drive=drive),
            CopyRoutes(drive=drive),
            BatchRoutes(drive=drive),
            ChangesRoutes(feed=feed, standings=standings),
            EventRoutes(feed=feed, standings=standings),
        )

    async def _end_when_draining(self, feed: Feed[ToldChange]) -> None:
        """Who follows would hold up the end of the server; all go on where others answer."""
        await self.tools.draining.wait()
        feed.close()

    def refine(self, schemas: Mapping[str, dict[str, Any]]) -> None:
        """Say how long a tag may be."""
        for name, field in (("FileChanges", "add_tags"), ("TagStep", "add")):
            schemas[name]["properties"][field]["items"]["maxLength"] = self.settings.max_tag_length
