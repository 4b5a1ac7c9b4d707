"""Thumbnails of untrusted bytes: each made in a process of its own, with little of everything, and kept on disk."""

from cloudsvc.thumbnails.cache import DiskThumbnailCache, open_cache
from cloudsvc.thumbnails.maker import ProcessThumbnailMaker

__all__ = ["DiskThumbnailCache", "ProcessThumbnailMaker", "open_cache"]
