"""Blobs as objects in a bucket of an S3-compatible store."""

from cloudsvc.storage.blobs.objects.opening import find_installation, open_objects
from cloudsvc.storage.blobs.objects.settings import ObjectStoreSettings
from cloudsvc.storage.blobs.objects.store import ObjectBlobs

__all__ = ["ObjectBlobs", "ObjectStoreSettings", "find_installation", "open_objects"]
