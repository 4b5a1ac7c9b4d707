"""
The interfaces of catalogues: which names there are, what they contain, what happened.

Each method is one atomic step on durable storage: when it returns, what it did survives a power failure; when it
raises, it did nothing. Errors are those of :mod:`cloudsvc.drive.errors`, ``BAD_CURSOR`` for a cursor that no page gave,
and ``UNAVAILABLE`` when the storage fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NewType, Protocol

from attrs import frozen

from cloudsvc.drive.changes import Changes
from cloudsvc.drive.commands import Command
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import Blob, BlobId, File, Instant, Node, Trashed, Version, VersionId
from cloudsvc.drive.pages import FileQuery, Page

PinId = NewType("PinId", int)


@frozen(kw_only=True)
class Usage:
    """
    What the drive holds.

    :ivar stored_bytes: as :meth:`Holdings.stored_bytes`.
    :ivar trash_entries: things that were thrown away and can be restored.
    """

    stored_bytes: int
    files: int
    folders: int
    versions: int
    blobs: int
    trash_entries: int


@frozen(kw_only=True)
class Upload:
    """
    An upload in pieces that is not complete. Nothing makes one yet; resumable uploads will.

    :ivar id: names it in URLs: unguessable.
    :ivar offset: bytes that are durable.
    :ivar length: bytes in all; ``None`` while unknown.
    """

    id: str
    blob: BlobId
    owner: str
    path: Path
    offset: int
    length: int | None
    expires_at: Instant


class Tree(Protocol):
    """The files and folders that clients see, and what happened to them."""

    async def apply(self, commands: Sequence[Command], actor: str) -> list[Any]:
        """
        Do all of ``commands`` in order, or nothing.

        :param actor: the name of who does it.
        :return: the result that each command documents.
        :raises CloudError: the first one that cannot be done, and why; a ``CommandError`` where there are more.
        """
        ...

    async def find(self, path: Path) -> Node | None:
        """What is at ``path``, if anything."""
        ...

    async def find_version(self, path: Path, version: VersionId) -> tuple[File, Version] | None:
        """The file at ``path`` and one of its versions, if there are both."""
        ...

    async def find_unknown(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """
        Those of ``blobs`` that the catalogue knows nothing of; nor will it come to, by what has failed before.

        :raises CloudError: as it fails just now, that cannot be said.
        """
        ...

    async def list_children(self, folder: Path, limit: int, cursor: str | None = None) -> Page[Node]:
        """
        What is directly in ``folder``, by key.

        :raises CloudError: there is no such folder.
        """
        ...

    async def list_files(self, query: FileQuery, limit: int, cursor: str | None = None) -> Page[File]:
        """
        The files that ``query`` asks for, those in the trash left out. A page may be shorter than ``limit``, even
        empty, and still have a cursor: a search looks at a bounded number of files at a time.
        """
        ...

    async def list_versions(self, path: Path, limit: int, cursor: str | None = None) -> Page[Version]:
        """
        The versions of the file at ``path``, the newest first.

        :raises CloudError: there is no such file.
        """
        ...

    async def list_trash(self, limit: int, cursor: str | None = None) -> Page[Trashed]:
        """What is in the trash, the last deleted first."""
        ...

    async def read_changes(self, after: int, limit: int) -> Changes:
        """
        What happened after the change numbered ``after``. No route asks yet; a feed of changes will.

        :raises CloudError: ``GONE``, so long ago is not remembered; ``INVALID``, there was no such change yet.
        """
        ...


class Holdings(Protocol):
    """How much is stored, and how it becomes less."""

    async def usage(self) -> Usage:
        """What the drive holds now. It counts, so it may take a while."""
        ...

    async def stored_bytes(self) -> int:
        """Of all blobs, wanted or not, until they are gone from the store. Quick."""
        ...

    async def reclaimable_bytes(self) -> int:
        """
        How many stored bytes no current version of a file outside the trash needs, without those of blobs that are
        condemned: they are on their way out, or cannot be deleted.
        """
        ...

    async def shed(self) -> bool:
        """
        Give up the oldest entry of the trash or, where there is none, the oldest superseded version; whether there was
        one. Nothing is given up while anything is pinned, since that would make no room.
        """
        ...


class Garbage(Protocol):
    """What nobody will miss, on its way out."""

    async def expire(self, *, trash_before: Instant, versions_before: Instant, changes_before: Instant) -> None:
        """
        Give up entries of the trash from before the first moment, versions superseded before the second, and changes
        from before the third.
        """
        ...

    async def sweep(self, limit: int) -> int:
        """Remove up to ``limit`` rows of what was purged from the trash; how many were removed. 0: all is done."""
        ...

    async def condemn(self, limit: int, *, after: BlobId | None = None) -> Sequence[BlobId]:
        """
        Blobs that nothing refers to and nothing will, by id: from now on they are not joined with equal ones. The
        caller deletes them from the store and then calls :meth:`forget`; those not forgotten come again.
        While anything is pinned there are none.

        :param after: leaves out all up to this one.
        """
        ...

    async def forget(self, blobs: Sequence[BlobId]) -> None:
        """Condemned ``blobs`` are gone from the store."""
        ...

    async def find_unknown(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`Tree.find_unknown`."""
        ...


class Inventory(Protocol):
    """Which blobs there are, and what consists of them."""

    async def list_blobs(self, limit: int, cursor: str | None = None) -> Page[Blob]:
        """All blobs that are referred to, by id."""
        ...

    async def find_users(self, blob: BlobId) -> Sequence[tuple[Path, VersionId]]:
        """Which versions of which files consist of ``blob``. Paths of what is in the trash are those it had."""
        ...


class Pins(Protocol):
    """The catalogue as it is at one moment, and keeping the blobs of which it speaks."""

    async def snapshot(self, destination: str) -> None:
        """
        Write a consistent copy of the whole catalogue to a new file, while everything goes on.

        :raises CloudError: the file is there already, or cannot be written.
        """
        ...

    async def pin(self, until: Instant) -> PinId:
        """
        Condemn nothing until :meth:`unpin`, or until the moment given has passed. That must be within a day: one that
        is further away was told by a clock that was wrong, and holds up nothing.
        """
        ...

    async def unpin(self, pin: PinId) -> None:
        """End a pin."""
        ...


class Uploads(Protocol):
    """Uploads in pieces. Nothing asks yet; resumable uploads will."""

    async def begin_upload(self, upload: Upload) -> None:
        """Remember an upload."""
        ...

    async def advance_upload(self, upload: str, offset: int, expires_at: Instant) -> None:
        """
        More bytes are durable.

        :raises CloudError: there is no such upload.
        """
        ...

    async def find_upload(self, upload: str) -> Upload | None:
        """The upload of this id."""
        ...

    async def end_upload(self, upload: str) -> None:
        """Forget an upload; one that is not there is no error."""
        ...

    async def list_expired_uploads(self, before: Instant, limit: int) -> Sequence[Upload]:
        """Uploads whose time has passed."""
        ...


class Catalogue(Tree, Holdings, Garbage, Inventory, Pins, Uploads, Protocol):
    """Keeps the tree, the versions, the trash, the changes, and what is known about blobs."""
