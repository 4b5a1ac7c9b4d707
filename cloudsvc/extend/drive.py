"""
Public interface of the drive for front ends: what is said to a :class:`~cloudsvc.extend.Drive`, and what it answers.

An application that only keeps and reads files needs none of it. The server's own API of the drive is made of it, as is
whatever else speaks a protocol of files.
"""

from __future__ import annotations

from cloudsvc.drive.changes import Change, ChangeKind, Position, parse_position
from cloudsvc.drive.commands import (
    Command,
    Condition,
    Copy,
    Discard,
    EditTags,
    MadeFolder,
    MakeFolder,
    Move,
    Purge,
    Restore,
    RestoreVersion,
    StoredFile,
)
from cloudsvc.drive.drive import OpenFile
from cloudsvc.drive.errors import (
    changed_meanwhile,
    digest_mismatch,
    storage_failed,
    telling_which,
    trash_entry_not_found,
)
from cloudsvc.drive.followers import Follower
from cloudsvc.drive.following import Feed
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.media_types import UNKNOWN_TYPE, essence_of, guess_type, parse_media_type
from cloudsvc.drive.names import MAX_PATH_NAMES, ROOT, parse_name
from cloudsvc.drive.nodes import (
    EARLIEST,
    LATEST,
    Instant,
    Node,
    Trashed,
    TrashId,
    Version,
    VersionId,
    format_instant,
)
from cloudsvc.drive.pages import FileQuery, Order, Page
from cloudsvc.drive.settings import StorageSettings

__all__ = [
    "EARLIEST",
    "LATEST",
    "MAX_PATH_NAMES",
    "ROOT",
    "UNKNOWN_TYPE",
    "Change",
    "ChangeKind",
    "Command",
    "Condition",
    "Copy",
    "Discard",
    "EditTags",
    "Feed",
    "FileQuery",
    "Follower",
    "Instant",
    "Limits",
    "MadeFolder",
    "MakeFolder",
    "Move",
    "Node",
    "OpenFile",
    "Order",
    "Page",
    "Position",
    "Purge",
    "Restore",
    "RestoreVersion",
    "StorageSettings",
    "StoredFile",
    "TrashId",
    "Trashed",
    "Version",
    "VersionId",
    "changed_meanwhile",
    "digest_mismatch",
    "essence_of",
    "format_instant",
    "guess_type",
    "parse_media_type",
    "parse_name",
    "parse_position",
    "storage_failed",
    "telling_which",
    "trash_entry_not_found",
]
