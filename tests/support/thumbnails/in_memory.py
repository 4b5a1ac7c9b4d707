"""Thumbnails without decoders and without a disk: what each is made of says what it looks like."""

from __future__ import annotations

from typing import Any, cast

from attrs import define, field

from cloudsvc.drive.drive import Drive
from cloudsvc.drive.thumbnails import Thumbnails, ThumbnailSource


@define(eq=False)
class MemoryThumbnails:
    """
    A maker of thumbnails that all look the same, and a cache that keeps them.

    :ivar made: how many were.
    :ivar loaded: the keys that were asked for.
    :ivar kept: the contents by their keys.
    """

    version: str = "1"
    made: int = 0
    loaded: list[str] = field(factory=list)
    kept: dict[str, bytes] = field(factory=dict)

    async def make(self, source: ThumbnailSource, size: int) -> bytes:
        """See :class:`cloudsvc.drive.thumbnails.ThumbnailMaker`."""
        self.made += 1
        return b"a thumbnail"

    def load(self, key: str) -> bytes | None:
        """See :class:`cloudsvc.drive.thumbnails.ThumbnailCache`."""
        self.loaded.append(key)
        return self.kept.get(key)

    async def keep(self, key: str, content: bytes) -> None:
        """See :class:`cloudsvc.drive.thumbnails.ThumbnailCache`."""
        self.kept[key] = content

    def serve(self, drive: Drive) -> Thumbnails:
        """The thumbnails of the files of ``drive``, made and kept here. No content is read for them."""
        return Thumbnails(drive=drive, maker=self, cache=self, spooler=cast("Any", None), size=64)
