"""
Nodes of the drive: files with their versions, folders, trash entries.

A list makes them by the thousand, so they are no attrs classes, which take six times as long to be made where they are
frozen, but ``Struct``s. ``msgspec.structs.replace`` is their ``evolve``.
"""

from __future__ import annotations

from typing import Final, NewType, TypeAlias

from msgspec import Struct

from cloudsvc.core import clock
from cloudsvc.core.actors import ROOT_FOLDER
from cloudsvc.core.clock import format_microseconds
from cloudsvc.drive.names import DrivePath

NodeId = NewType("NodeId", int)
"""Names a file or folder for as long as it exists, wherever it moves. Never used again: grants hang on it."""

ROOT_ID: Final = NodeId(ROOT_FOLDER)
"""The id of the root."""

VersionId = NewType("VersionId", int)
"""Names one version of one file. Later versions have greater numbers; never used again."""

TrashId = NewType("TrashId", int)
"""Names what was thrown away by one deletion. Later ones have greater numbers; never used again."""

BlobId = NewType("BlobId", str)
"""Names a sequence of bytes: 32 random hexadecimal digits. Never used again."""

Instant: TypeAlias = clock.Instant
"""Microseconds since the epoch; negative before it."""

EARLIEST: Final[Instant] = -62_135_596_800_000_000
"""The beginning of the year 1: earlier dates cannot be written down (RFC 3339)."""

LATEST: Final[Instant] = 253_402_300_799_999_999
"""The end of the year 9999: later ones cannot either."""


def clamp(instant: Instant) -> Instant:
    """``instant``, or the nearest that can be written down."""
    return max(EARLIEST, min(instant, LATEST))


def format_instant(instant: Instant) -> str:
    """``instant`` as the API and plain files tell it (RFC 3339)."""
    return format_microseconds(instant)


class Blob(Struct, frozen=True, kw_only=True):
    """
    Bytes that are stored for good.

    :ivar size: in bytes.
    :ivar digest: SHA-256 of the bytes; ``None`` until a background job has read them.
    :ivar crc32: CRC-32 of the bytes, as zip has it (ISO 3309); ``None`` likewise.
    """

    id: BlobId
    size: int
    digest: bytes | None
    crc32: int | None = None


class Version(Struct, frozen=True, kw_only=True):
    """
    What a file contained from one moment on.

    :ivar validator: names this version in all histories of this drive, restored ones too (an entity tag's text).
    :ivar media_type: as declared by whoever stored it, or told by the name.
    :ivar created_at: when it was stored here.
    :ivar modified_at: when the content was last changed, as whoever stored it says; where nobody said, as
        ``created_at``. Copies, earlier versions that are restored and what is moved keep it.
    """

    id: VersionId
    validator: str
    blob: Blob
    media_type: str
    created_at: Instant
    modified_at: Instant


class File(Struct, frozen=True, kw_only=True):
    """
    A file as it is now.

    :ivar version: the current one.
    :ivar tags: in alphabetical order.
    :ivar created_at: when the file came to be.
    :ivar updated_at: when content, name, folder or tags last changed.
    """

    id: NodeId
    path: DrivePath
    version: Version
    tags: tuple[str, ...]
    created_at: Instant
    updated_at: Instant


class Folder(Struct, frozen=True, kw_only=True):
    """A folder. The root is one too, and has always been there."""

    id: NodeId
    path: DrivePath
    created_at: Instant
    updated_at: Instant


Node: TypeAlias = File | Folder


class Trashed(Struct, frozen=True, kw_only=True):
    """
    What one deletion put into the trash: a file, or a folder with all that was in it.

    :ivar node: with the path that it had.
    :ivar actor: the name of who deleted it.
    """

    id: TrashId
    node: Node
    deleted_at: Instant
    actor: str
