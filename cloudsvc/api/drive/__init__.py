"""HTTP API of the drive."""

from cloudsvc.api.drive.application import DriveApplication

__all__ = ["DriveApplication"]
