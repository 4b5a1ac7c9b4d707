"""Blobs as files in a directory."""

from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.blobs.store import LocalBlobs, open_blobs

__all__ = ["Disk", "LocalBlobs", "open_blobs"]
