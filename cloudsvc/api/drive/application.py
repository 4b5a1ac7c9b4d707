"""The drive as an application, but for what it stands on."""

from __future__ import annotations

from cloudsvc.api.drive.files import FileRoutes
from cloudsvc.api.drive.routing import app as routes
from cloudsvc.api.drive.settings import StorageSettings


class DriveRoutes(FileRoutes):
    """
    Files and folders.

    Whoever subclasses it sets ``drive`` and ``thumbnails`` before requests arrive.
    """

    name = "drive"
    section = "storage_config"
    mounts = ("files", "folders", "versions", "trash", "copies", "batch")
    settings_type = StorageSettings
    app = routes
