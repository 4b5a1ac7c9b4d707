"""Response messages of the drive's routes."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen
from msgspec import Struct

from cloudsvc.api.moments import Moment
from cloudsvc.extend import File, Folder, Message, format_tag
from cloudsvc.extend.drive import Change, Node, Position, Trashed, Version, format_instant


class NodeKind(StrEnum):
    """What something in the drive is."""

    FILE = "file"
    FOLDER = "folder"

    @classmethod
    def of(cls, node: Node) -> NodeKind:
        """That of ``node``."""
        return cls.FOLDER if isinstance(node, Folder) else cls.FILE


class Entry(Struct, frozen=True, kw_only=True):
    """A line of a list. There may be a thousand in an answer: a ``Struct`` is made faster than a frozen attrs class."""


class FileEntry(Entry, frozen=True, kw_only=True):
    """
    A file in a list.

    :ivar size: In bytes.
    :ivar updated_at: When content, name, folder or tags last changed in the drive.
    """

    filepath: str
    mime_type: str
    size: int
    tags: tuple[str, ...]
    uploaded_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, file: File) -> FileEntry:
        """``file`` as clients of python-cloud-server see it."""
        version = file.version
        return cls(
            filepath=str(file.path),
            mime_type=version.media_type,
            size=version.blob.size,
            tags=file.tags,
            uploaded_at=format_instant(file.created_at),
            updated_at=format_instant(file.updated_at),
        )


class DatedFileEntry(FileEntry, frozen=True, kw_only=True):
    """
    A file in a list.

    :ivar size: In bytes.
    :ivar updated_at: When content, name, folder or tags last changed in the drive.
    :ivar modified_at: When the content was last changed, as whoever stored it said.
    """

    modified_at: Moment

    @classmethod
    def of(cls, file: File) -> DatedFileEntry:
        """``file`` as clients see it."""
        version = file.version
        return cls(
            filepath=str(file.path),
            mime_type=version.media_type,
            size=version.blob.size,
            tags=file.tags,
            uploaded_at=format_instant(file.created_at),
            updated_at=format_instant(file.updated_at),
            modified_at=format_instant(version.modified_at),
        )


class NodeEntry(Entry, frozen=True, kw_only=True):
    """
    A file or a folder in a list. Of a folder, what only files have is `null`.

    :ivar size: In bytes.
    :ivar etag: The entity tag of what the file contains now.
    :ivar modified_at: When the content was last changed, as whoever stored it said.
    """

    path: str
    kind: NodeKind
    mime_type: str | None
    size: int | None
    tags: tuple[str, ...]
    etag: str | None
    created_at: Moment
    updated_at: Moment
    modified_at: Moment | None

    @classmethod
    def of(cls, node: Node) -> NodeEntry:
        """``node`` as clients see it."""
        if isinstance(node, Folder):
            return cls(
                path=str(node.path),
                kind=NodeKind.FOLDER,
                mime_type=None,
                size=None,
                tags=(),
                etag=None,
                created_at=format_instant(node.created_at),
                updated_at=format_instant(node.updated_at),
                modified_at=None,
            )
        version = node.version
        return cls(
            path=str(node.path),
            kind=NodeKind.FILE,
            mime_type=version.media_type,
            size=version.blob.size,
            tags=node.tags,
            etag=format_tag(version.validator),
            created_at=format_instant(node.created_at),
            updated_at=format_instant(node.updated_at),
            modified_at=format_instant(version.modified_at),
        )


def format_hexadecimal(digest: bytes | None) -> str | None:
    """``digest``, if it is known."""
    return None if digest is None else digest.hex()


class VersionEntry(Entry, frozen=True, kw_only=True):
    """
    One version of a file.

    :ivar size: In bytes.
    :ivar sha256: The digest of its bytes, in hexadecimal; null until the server has calculated it.
    :ivar created_at: From when on it was the content of the file.
    :ivar modified_at: When the content was last changed, as whoever stored it said.
    """

    id: int
    etag: str
    mime_type: str
    size: int
    sha256: str | None
    created_at: Moment
    modified_at: Moment

    @classmethod
    def of(cls, version: Version) -> VersionEntry:
        """``version`` as clients see it."""
        return cls(
            id=version.id,
            etag=format_tag(version.validator),
            mime_type=version.media_type,
            size=version.blob.size,
            sha256=format_hexadecimal(version.blob.digest),
            created_at=format_instant(version.created_at),
            modified_at=format_instant(version.modified_at),
        )


class TrashEntry(Entry, frozen=True, kw_only=True):
    """
    Something in the trash.

    :ivar path: Where it was.
    :ivar size: Of a file, in bytes.
    """

    id: int
    path: str
    kind: NodeKind
    size: int | None
    deleted_at: Moment
    deleted_by: str

    @classmethod
    def of(cls, entry: Trashed) -> TrashEntry:
        """``entry`` as clients see it."""
        return cls(
            id=entry.id,
            path=str(entry.node.path),
            kind=NodeKind.of(entry.node),
            size=entry.node.version.blob.size if isinstance(entry.node, File) else None,
            deleted_at=format_instant(entry.deleted_at),
            deleted_by=entry.actor,
        )


class KindOfChange(StrEnum):
    """What happened to a file or folder; `changed`: to its content or its tags."""

    CREATED = "created"
    CHANGED = "changed"
    MOVED = "moved"
    DISCARDED = "discarded"
    RESTORED = "restored"


class ChangeEntry(Entry, frozen=True, kw_only=True):
    """
    A change of a file or folder.

    What the file contains is told as it was when the server read the change, which may be later than the change; of
    folders, and of files that are gone by then, it is `null`.

    :ivar id: Names the change: whoever has read it asks for what came after it by `since`.
    :ivar node: The file or folder, wherever it moves.
    :ivar path: Where it was after the change; of what was discarded, before.
    :ivar source: Of what was moved, where it was before; otherwise null.
    :ivar size: In bytes.
    :ivar etag: The entity tag of what the file contains.
    :ivar modified_at: When the content was last changed, as whoever stored it said.
    :ivar at: When it happened.
    """

    id: str
    kind: KindOfChange
    node: int
    path: str
    source: str | None
    is_folder: bool
    mime_type: str | None
    size: int | None
    etag: str | None
    modified_at: Moment | None
    at: Moment

    @classmethod
    def of(cls, position: Position, change: Change) -> ChangeEntry:
        """``change``, which is at ``position``, as clients see it."""
        version = change.version
        return cls(
            id=str(position),
            kind=KindOfChange(change.kind.value),
            node=change.node,
            path=str(change.path),
            source=None if change.source is None else str(change.source),
            is_folder=change.is_folder,
            mime_type=None if version is None else version.media_type,
            size=None if version is None else version.blob.size,
            etag=None if version is None else format_tag(version.validator),
            modified_at=None if version is None else format_instant(version.modified_at),
            at=format_instant(change.at),
        )


@frozen(kw_only=True)
class ChangesMessage(Message):
    """
    What has changed, in order.

    :ivar changes: The oldest first.
    :ivar position: Up to where that is: `since` of the next request.
    """

    changes: tuple[ChangeEntry, ...]
    position: str


@frozen(kw_only=True)
class FilesMessage(Message):
    """All the files that were asked for."""

    files: tuple[FileEntry, ...]


@frozen(kw_only=True)
class FilesPage(Message):
    """
    Some of the files that were asked for.

    :ivar cursor: Asks for the next page; `null` on the last one. A page may have no files and a cursor all the same.
    """

    files: tuple[DatedFileEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class ChildrenPage(Message):
    """
    Some of what is directly in a folder.

    :ivar cursor: Asks for the next page; `null` on the last one.
    """

    path: str
    children: tuple[NodeEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class VersionsPage(Message):
    """
    Some of the versions of a file, the newest first.

    :ivar cursor: Asks for the next page; `null` on the last one.
    """

    filepath: str
    versions: tuple[VersionEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class TrashPage(Message):
    """
    Some of what is in the trash, the last deleted first.

    :ivar cursor: Asks for the next page; `null` on the last one.
    """

    entries: tuple[TrashEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class StoredMessage(Message):
    """
    A file that is kept.

    :ivar size: In bytes.
    :ivar etag: The entity tag of what it contains now.
    :ivar sha256: The digest of what it contains now, in hexadecimal; null until the server has calculated it.
    :ivar modified_at: When the content was last changed, as whoever stored it said.
    """

    filepath: str
    size: int
    etag: str
    sha256: str | None
    modified_at: Moment

    @classmethod
    def of(cls, message: str, file: File) -> StoredMessage:
        """``file`` with ``message``."""
        version = file.version
        return cls(
            message=message,
            filepath=str(file.path),
            size=version.blob.size,
            etag=format_tag(version.validator),
            sha256=format_hexadecimal(version.blob.digest),
            modified_at=format_instant(version.modified_at),
        )


@frozen(kw_only=True)
class TagsMessage(Message):
    """A file that was changed."""

    filepath: str
    tags: tuple[str, ...]


@frozen(kw_only=True)
class DeletedMessage(Message):
    """
    A file that was put into the trash.

    :ivar trash_id: Names it there.
    """

    filepath: str
    trash_id: int


@frozen(kw_only=True)
class DeletedFolderMessage(Message):
    """
    A folder that was put into the trash with all that is in it.

    :ivar trash_id: Names it there.
    """

    path: str
    trash_id: int


@frozen(kw_only=True)
class NodeMessage(Message):
    """Where a file or folder is now."""

    path: str
    kind: NodeKind

    @classmethod
    def of(cls, message: str, node: Node) -> NodeMessage:
        """``node`` with ``message``."""
        return cls(message=message, path=str(node.path), kind=NodeKind.of(node))


@frozen(kw_only=True)
class PurgedMessage(Message):
    """
    What was removed from the trash for good.

    :ivar purged: How many entries.
    """

    purged: int
