"""
The interface of stores of bytes.

A blob comes to be in steps: a writer takes bytes in order, sealing makes them durable, and only then may the catalogue
refer to them. From creation to release a blob is *in flight*, as long as the program of its writer lives: whoever
cleans up leaves it alone. What has landed and is not in the catalogue is a *stray*. It is set aside first and deleted
much later, for it may be the catalogue that is wrong.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from cloudsvc.drive.nodes import Blob, BlobId, Instant


class BlobWriter(Protocol):
    """
    Takes the bytes of one new blob. One caller at a time; whoever made it ends it, with :meth:`release` or
    :meth:`discard`, whatever happens.

    :ivar id: of the blob to be.
    :ivar size: bytes taken so far.
    """

    @property
    def id(self) -> BlobId: ...

    @property
    def size(self) -> int: ...

    async def write(self, data: bytes) -> None:
        """
        Take ``data``. It may return before the bytes are written; a failure then shows in a later call.

        :raises CloudError: there is no space (``NO_SPACE``), or the store fails (``UNAVAILABLE``).
        """
        ...

    async def seal(self) -> Blob:
        """
        Make the bytes durable: when this returns, a power failure cannot take them any more.

        Cancelling the caller does not stop it half-way.

        :raises CloudError: as :meth:`write`; nothing is left behind.
        """
        ...

    def release(self) -> None:
        """The catalogue refers to the blob, or never will: it is in flight no more."""
        ...

    async def replace(self, blob: BlobId) -> None:
        """
        Put the sealed bytes durably into the place of ``blob``, which has or had the same, and release. Whatever had
        happened to that one, it is whole then.

        :raises CloudError: as :meth:`write`; nothing of this writer is left behind.
        """
        ...

    async def discard(self) -> None:
        """Remove whatever was written, sealed or not, and release. May be called more than once."""
        ...


class BlobReader(Protocol):
    """An open blob. It stays readable until it is closed, even when the store has deleted it meanwhile."""

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    async def read(self, offset: int, length: int) -> bytes:
        """
        The bytes from ``offset``: ``length`` of them, or fewer at the end only.

        :raises CloudError: the store fails.
        """
        ...

    async def descriptor(self) -> int:
        """
        A file descriptor to read the bytes from, at position 0, for another process. The reader keeps it and closes
        it.
        """
        ...

    async def close(self) -> None:
        """Let go of it. May be called more than once."""
        ...


class BlobStore(Protocol):
    """Keeps bytes by id."""

    async def create(self) -> BlobWriter:
        """
        Begin a new blob.

        :raises CloudError: there is no space, or the store fails.
        """
        ...

    async def open(self, blob: BlobId) -> BlobReader:
        """
        Open a blob for reading.

        :raises BlobMissing: there is none of this id.
        :raises CloudError: the store fails.
        """
        ...

    async def delete(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """Remove blobs for good; those that are gone by now. Why others are not is logged."""
        ...

    def list(self) -> AsyncIterator[Sequence[BlobId]]:
        """
        Every sealed blob, in bundles of any size. What comes or goes meanwhile may be in it or not.

        :raises CloudError: the store fails.
        """
        ...

    async def find_landed(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """
        Those of the sealed ``blobs`` that are not in flight, whichever process wrote them. They will not be again: what
        the catalogue does not know afterwards it never will.

        :raises CloudError: the store fails.
        """
        ...

    async def set_aside(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """
        Take sealed blobs away, but not for good; those that are away by now. Why others are not is logged.
        """
        ...

    def list_aside(self) -> AsyncIterator[Sequence[BlobId]]:
        """
        Every blob that is set aside, in bundles of any size.

        :raises CloudError: the store fails.
        """
        ...

    async def put_back(self, blobs: Sequence[BlobId]) -> None:
        """Undo :meth:`set_aside`, except where there is such a blob again. Why others are still aside is logged."""
        ...

    async def clear_aside(self, before: Instant) -> int:
        """
        Remove for good what was set aside before a moment; how many blobs that were.

        :raises CloudError: the store fails.
        """
        ...

    async def free_bytes(self) -> int:
        """How many bytes the store could still take."""
        ...


class BlobMissing(Exception):  # noqa: N818  # a state of affairs that callers decide on
    """There is no blob of this id: damage, or it was collected since the catalogue was asked."""
