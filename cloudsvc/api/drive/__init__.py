"""The drive over HTTP."""

from cloudsvc.api.drive.application import DriveRoutes
from cloudsvc.api.drive.settings import StorageSettings

__all__ = ["DriveRoutes", "StorageSettings"]
