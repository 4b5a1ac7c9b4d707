"""The drive as an application, but for what it stands on."""

from __future__ import annotations

from cloudsvc.api.drive.batch import BatchRoutes
from cloudsvc.api.drive.copies import CopyRoutes
from cloudsvc.api.drive.files import FileRoutes
from cloudsvc.api.drive.folders import FolderRoutes
from cloudsvc.api.drive.listing import ListingRoutes
from cloudsvc.api.drive.routing import app as routes
from cloudsvc.api.drive.settings import StorageSettings
from cloudsvc.api.drive.trash import TrashRoutes
from cloudsvc.api.drive.versions import VersionRoutes


class DriveRoutes(FileRoutes, ListingRoutes, FolderRoutes, VersionRoutes, TrashRoutes, CopyRoutes, BatchRoutes):
    """
    Files and folders.

    Whoever subclasses it sets ``drive`` and ``thumbnails`` before requests arrive.
    """

    name = "drive"
    section = "storage_config"
    mounts = ("files", "folders", "versions", "trash", "copies", "batch")
    settings_type = StorageSettings
    app = routes
