"""
Blob store interface: immutable sequences of bytes, each under a random id that is never used again.

A blob comes to be in steps: a writer takes bytes in order, sealing makes them durable, and only then may the catalogue
refer to them. In between, nothing refers to the blob, and yet it is no *orphaned* one. Age tells the two apart, on this
machine and on any other: whoever cleans up asks for what nobody has written to for a while (:meth:`BlobStore.list`,
:meth:`BlobStore.list_suspended`). What then is orphaned goes into *quarantine*, from which it can be released, for it
may be the catalogue that is wrong. How long that is stands in docs/architecture.md, "Who still writes a blob".

Nothing here is a file: a store may as well be a bucket of objects. Whoever needs a file spools one
(:mod:`cloudsvc.drive.spooling`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Protocol

from cloudsvc.drive.nodes import Blob, BlobId, Instant


class BlobWriter(Protocol):
    """
    Takes the bytes of one blob. One caller at a time; whoever got it ends it, with :meth:`close`, :meth:`suspend` or
    :meth:`discard`, whatever happens.

    :ivar id: of the blob to be.
    :ivar size: bytes taken so far, with those of before it was resumed.
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

    async def sync(self) -> int:
        """
        Make durable what was taken; how many bytes of the blob are. Neither a kill nor a power failure can take them
        any more: :meth:`BlobStore.resume` goes on behind them.

        :raises CloudError: as :meth:`write`.
        """
        ...

    async def suspend(self) -> int:
        """
        :meth:`sync`, and let go of the blob, so that anybody can resume it.

        :raises CloudError: as :meth:`write`.
        """
        ...

    async def seal(self) -> Blob:
        """
        Make the bytes durable: when this returns, a power failure cannot take them any more. Of a blob that was
        resumed, digest and CRC-32 may be unknown.

        Cancelling the caller does not stop it half-way.

        :raises CloudError: as :meth:`write`; nothing is left behind.
        """
        ...

    async def replace(self, blob: BlobId) -> None:
        """
        Put the sealed bytes durably into the place of ``blob``, which has or had the same, and close. Whatever had
        happened to that one, it is whole then.

        :raises CloudError: as :meth:`write`; nothing of this writer is left behind.
        """
        ...

    def close(self) -> None:
        """The sealed blob is the catalogue's now, or never will be."""
        ...

    async def discard(self) -> None:
        """Remove whatever was written, durable or sealed or not, and close. May be called more than once."""
        ...


class BlobReader(Protocol):
    """An open blob. It stays readable until it is closed, even when the store has deleted it meanwhile."""

    @property
    def size(self) -> int:
        """In bytes, as the store has it."""
        ...

    def stream(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """
        The bytes from ``start`` to just before ``stop``, all of them, in pieces that suit the store; none is empty.

        :raises CloudError: the store fails, or has fewer.
        """
        ...

    async def close(self) -> None:
        """Let go of it. May be called more than once."""
        ...


class BlobStore(Protocol):
    """Keeps bytes by id. Several processes may work on what is one store."""

    async def create(self) -> BlobWriter:
        """
        Begin a new blob.

        :raises CloudError: there is no space, or the store fails.
        """
        ...

    async def resume(self, blob: BlobId) -> BlobWriter:
        """
        Go on with a blob that is not sealed, behind the bytes that are durable: the writer's ``size`` tells how many.

        :raises BlobMissing: none of this id has any durable bytes, or it is sealed.
        :raises BlobInUse: another writer has it, as far as the store can tell.
        :raises CloudError: the store fails.
        """
        ...

    async def open(self, blob: Blob) -> BlobReader:
        """
        Open a blob for reading. A small one is read at once: :meth:`BlobReader.stream` then waits for nothing.

        :raises BlobMissing: there is none of this id.
        :raises CloudError: the store fails.
        """
        ...

    def read_small(self, blob: Blob) -> BlobReader | None:
        """
        As :meth:`open`, for whoever is in a thread already and would make another trip for it. Blocks, but not longer
        than a disk does.

        :return: a reader that has all bytes at hand and holds nothing, so that it need not be closed; ``None`` where
            the blob is not small, or this store is further away than a disk.
        :raises BlobMissing: there is none of this id.
        :raises CloudError: the store fails.
        """
        ...

    async def delete(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """Remove sealed blobs for good; those that are gone by now. Why others are not is logged."""
        ...

    def list(self, before: Instant) -> AsyncIterator[Sequence[BlobId]]:
        """
        Every blob that was sealed before a moment, in bundles of any size, but for those of which the store can tell
        that a writer still has them. What comes or goes meanwhile may be in it or not.

        :raises CloudError: the store fails.
        """
        ...

    def list_suspended(self, before: Instant) -> AsyncIterator[Sequence[BlobId]]:
        """
        Every blob that is not sealed and has durable bytes, none of them from after a moment; otherwise as
        :meth:`list`. Whoever wants to be rid of one resumes it, and discards it.
        """
        ...

    async def quarantine(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """
        Take sealed blobs away, but not for good: :meth:`open` does not find them. Those that are away by now; why
        others are not is logged.
        """
        ...

    def list_quarantined(self) -> AsyncIterator[Sequence[BlobId]]:
        """
        Every blob in quarantine, in bundles of any size.

        :raises CloudError: the store fails.
        """
        ...

    async def release(self, blobs: Sequence[BlobId]) -> None:
        """Undo :meth:`quarantine`, except where there is such a blob again. Why others are still there is logged."""
        ...

    async def purge_quarantine(self, before: Instant) -> int:
        """
        Remove for good what has been in quarantine since before a moment; how many blobs that were.

        :raises CloudError: the store fails.
        """
        ...

    async def free_bytes(self) -> int | None:
        """How many bytes the store could still take; ``None`` where nobody can tell."""
        ...


class BlobMissing(Exception):  # noqa: N818  # a state of affairs that callers decide on
    """There is no blob of this id: damage, or it was collected since the catalogue was asked."""


class BlobInUse(Exception):  # noqa: N818  # a state of affairs that callers decide on
    """Another writer has the blob."""
