"""What the routes of the drive answer."""

from __future__ import annotations

from attrs import frozen

from cloudsvc.drive.nodes import File, Instant
from cloudsvc.extend import Message, format_timestamp


def spell_instant(instant: Instant) -> str:
    """``instant`` as the API writes it."""
    return format_timestamp(instant / 1_000_000)


@frozen(kw_only=True)
class FileEntry:
    """
    A file in a list.

    :ivar size: In bytes.
    """

    filepath: str
    mime_type: str
    size: int
    tags: tuple[str, ...]
    uploaded_at: str
    updated_at: str

    @classmethod
    def of(cls, file: File) -> FileEntry:
        """``file`` as clients see it."""
        return cls(
            filepath=str(file.path),
            mime_type=file.version.media_type,
            size=file.version.blob.size,
            tags=file.tags,
            uploaded_at=spell_instant(file.created_at),
            updated_at=spell_instant(file.updated_at),
        )


@frozen(kw_only=True)
class FilesMessage(Message):
    """Files."""

    files: list[FileEntry]


@frozen(kw_only=True)
class FilesPage(Message):
    """
    Some of the files that were asked for.

    :ivar cursor: Asks for the next page; `null` on the last one.
    """

    files: list[FileEntry]
    cursor: str | None


@frozen(kw_only=True)
class StoredMessage(Message):
    """
    A file that is kept.

    :ivar size: In bytes.
    :ivar etag: The entity tag of what it contains now.
    :ivar sha256: The digest of what it contains now, in hexadecimal.
    """

    filepath: str
    size: int
    etag: str
    sha256: str

    @classmethod
    def of(cls, message: str, file: File) -> StoredMessage:
        """``file`` with ``message``."""
        version = file.version
        return cls(
            message=message,
            filepath=str(file.path),
            size=version.blob.size,
            etag=f'"{version.validator}"',
            sha256=version.blob.digest.hex(),
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
