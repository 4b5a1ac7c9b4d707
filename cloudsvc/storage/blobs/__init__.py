"""Blobs as files in a directory."""

from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.blobs.layout import holds_blobs
from cloudsvc.storage.blobs.store import LocalBlobs, open_blobs

__all__ = ["Disk", "LocalBlobs", "holds_blobs", "open_blobs"]
