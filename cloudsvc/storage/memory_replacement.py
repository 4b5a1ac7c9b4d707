"""Replacement of a storage in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

from attrs import define

from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.inventory import list_blobs
from cloudsvc.drive.nodes import ROOT_ID, BlobId, Instant
from cloudsvc.drive.replacement import Supply, read_verified
from cloudsvc.storage.blobs.memory import Shelf, Stored
from cloudsvc.storage.catalogue.sqlite.receiving import telling_what_is_unusable
from cloudsvc.storage.memory_catalogue import Memory, MemoryCatalogue, read_database


@define(eq=False, kw_only=True)
class MemoryReplacement:
    """A :class:`cloudsvc.drive.replacement.Replacement` of what is in a memory and on a shelf. It keeps nothing."""

    _memory: Memory
    _shelf: Shelf
    _now: Callable[[], Instant]
    _taken: tuple[Memory, dict[BlobId, Stored]] | None = None

    @property
    def is_empty(self) -> bool:
        """As :attr:`cloudsvc.drive.replacement.Replacement.is_empty`."""
        tables = self._memory.tables
        return not (tables.list_children(ROOT_ID) or tables.trash)

    async def take(self, catalogue: IO[bytes], supply: Supply | None, beginning: Beginning) -> None:
        """As :meth:`cloudsvc.drive.replacement.Replacement.take`."""
        stored: dict[BlobId, Stored] = {}
        with telling_what_is_unusable():
            memory = Memory(tables=read_database(catalogue, beginning))
            if supply is not None:
                async for blobs in list_blobs(MemoryCatalogue(now=self._now, memory=memory)):
                    for blob in blobs:
                        content = b"".join(read_verified(blob, await supply(blob)))
                        stored[blob.id] = Stored(content=content, at=self._now())
        self._taken = memory, stored

    async def install(self) -> str | None:
        """As :meth:`cloudsvc.drive.replacement.Replacement.install`."""
        if self._taken is None:
            raise ValueError("nothing was taken")
        memory, stored = self._taken
        more = sum(len(each.content) for blob, each in stored.items() if blob not in self._shelf.sealed)
        if self._shelf.free_bytes is not None and more > self._shelf.free_bytes:
            raise OperatorError([f"{more} bytes more are too many; nothing was replaced"])
        self._shelf.sealed.update(stored)
        self._memory.tables = memory.tables
        return None
