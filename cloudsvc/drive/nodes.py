"""What the drive keeps: files with their versions, folders, the trash."""

from __future__ import annotations

from typing import Final, NewType, TypeAlias

from attrs import frozen

from cloudsvc.core.clock import format_microseconds
from cloudsvc.drive.names import Path

NodeId = NewType("NodeId", int)
"""Names a file or folder for as long as it exists, wherever it moves. Never used again."""

VersionId = NewType("VersionId", int)
"""Names one version of one file. Later versions have greater numbers; never used again."""

TrashId = NewType("TrashId", int)
"""Names what was thrown away by one deletion. Later ones have greater numbers; never used again."""

BlobId = NewType("BlobId", str)
"""Names a sequence of bytes: 32 random hexadecimal digits. Never used again."""

Instant: TypeAlias = int
"""Microseconds since the epoch."""

LATEST: Final[Instant] = 253_402_214_400_000_000
"""The last day of the year 9999: later dates cannot be written down (RFC 3339)."""


def format_instant(instant: Instant) -> str:
    """``instant`` as the API and plain files tell it (RFC 3339)."""
    return format_microseconds(instant)


@frozen(kw_only=True)
class Blob:
    """
    Bytes that are stored for good.

    :ivar size: in bytes.
    :ivar digest: SHA-256 of the bytes.
    """

    id: BlobId
    size: int
    digest: bytes


@frozen(kw_only=True)
class Version:
    """
    What a file contained from one moment on.

    :ivar validator: names this version in all histories of this drive, restored ones too (an entity tag's text).
    :ivar media_type: as declared by whoever stored it, or told by the name.
    """

    id: VersionId
    validator: str
    blob: Blob
    media_type: str
    created_at: Instant


@frozen(kw_only=True)
class File:
    """
    A file as it is now.

    :ivar version: the current one.
    :ivar tags: in alphabetical order.
    :ivar created_at: when the file came to be.
    :ivar updated_at: when content, name, folder or tags last changed.
    """

    id: NodeId
    path: Path
    version: Version
    tags: tuple[str, ...]
    created_at: Instant
    updated_at: Instant


@frozen(kw_only=True)
class Folder:
    """A folder. The root is one too, and has always been there."""

    id: NodeId
    path: Path
    created_at: Instant
    updated_at: Instant


Node: TypeAlias = File | Folder


@frozen(kw_only=True)
class Trashed:
    """
    What one deletion put into the trash: a file, or a folder with all that was in it.

    :ivar node: with the path that it had.
    :ivar actor: the name of who deleted it.
    """

    id: TrashId
    node: Node
    deleted_at: Instant
    actor: str
