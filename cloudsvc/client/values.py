"""Values that the server answers with."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from attrs import frozen

Kind: TypeAlias = Literal["file", "folder"]


@frozen(kw_only=True)
class Health:
    """
    How the server is.

    :ivar status: ``healthy``, or ``degraded`` where something fails that is not vital, or ``unhealthy``.
    """

    status: str
    message: str


@frozen(kw_only=True)
class Node:
    """
    A file or a folder in a list. Of a folder, what only files have is ``None``.

    :ivar size: in bytes.
    :ivar etag: names what the file contains now.
    :ivar modified_at: when the content was last changed, as whoever stored it said.
    """

    path: str
    kind: Kind
    mime_type: str | None
    size: int | None
    tags: tuple[str, ...]
    etag: str | None
    created_at: datetime
    updated_at: datetime
    modified_at: datetime | None


@frozen(kw_only=True)
class ListedFile:
    """
    A file that was found.

    :ivar size: in bytes.
    :ivar modified_at: when the content was last changed, as whoever stored it said.
    """

    filepath: str
    mime_type: str
    size: int
    tags: tuple[str, ...]
    uploaded_at: datetime
    updated_at: datetime
    modified_at: datetime


@frozen(kw_only=True)
class Version:
    """
    A version of a file.

    :ivar size: in bytes.
    :ivar sha256: in hexadecimal; ``None`` until the server has calculated it.
    """

    id: int
    etag: str
    mime_type: str
    size: int
    sha256: str | None
    created_at: datetime
    modified_at: datetime


@frozen(kw_only=True)
class Trashed:
    """
    An entry of the trash.

    :ivar path: where it was.
    :ivar size: of a file, in bytes.
    """

    id: int
    path: str
    kind: Kind
    size: int | None
    deleted_at: datetime
    deleted_by: str


@frozen(kw_only=True)
class Status:
    """
    What is at a path. Of a folder, what only files have is ``None``.

    :ivar size: in bytes.
    :ivar sha256: in hexadecimal; ``None`` until the server has calculated it.
    """

    path: str
    kind: Kind
    size: int | None = None
    etag: str | None = None
    sha256: str | None = None
    mime_type: str | None = None
    modified_at: datetime | None = None


@frozen(kw_only=True)
class Stored:
    """
    A file that is kept, durably.

    :ivar created: whether there was none before.
    :ivar etag: names what it contains now.
    :ivar sha256: in hexadecimal, as the server says; ``None`` until it has calculated it.
    """

    path: str
    created: bool
    etag: str
    sha256: str | None


@frozen(kw_only=True)
class Done:
    """
    What came of a change.

    :ivar path: where it is now; of what was thrown away, where it was.
    :ivar trash_id: names what was thrown away.
    """

    path: str
    kind: Kind
    trash_id: int | None = None


@frozen(kw_only=True)
class Downloaded:
    """
    A local file that holds what was asked for.

    :ivar size: in bytes.
    :ivar transferred: bytes that had to be sent for it.
    :ivar verified: whether the server knew the digest, with which the whole file was compared.
    """

    path: str
    size: int
    etag: str
    transferred: int
    verified: bool


@frozen(kw_only=True)
class Change:
    """
    A change of the drive. Size, entity tag and so on are those of the file when the server told of it; ``None`` for
    folders, and for what had gone by then.

    :ivar id: the position after this change, from which to follow on.
    :ivar kind: ``created``, ``changed`` (content or tags), ``moved``, ``discarded`` or ``restored``.
    :ivar node: names the file or folder wherever it moves.
    :ivar path: where it is; of what was thrown away, where it was.
    :ivar source: of what was moved, where it was.
    """

    id: str
    kind: str
    node: int
    path: str
    source: str | None
    is_folder: bool
    mime_type: str | None
    size: int | None
    etag: str | None
    modified_at: datetime | None
    at: datetime


@frozen(kw_only=True)
class Changes:
    """
    What has changed since, in order.

    :ivar position: from where to follow on.
    """

    changes: tuple[Change, ...]
    position: str


@frozen(kw_only=True)
class NodePage:
    """Some of what is in a folder; ``cursor`` is ``None`` on the last page."""

    children: tuple[Node, ...]
    cursor: str | None


@frozen(kw_only=True)
class FilePage:
    """Some of the files that were asked for; ``cursor`` is ``None`` on the last page."""

    files: tuple[ListedFile, ...]
    cursor: str | None


@frozen(kw_only=True)
class VersionPage:
    """Some of the versions of a file; ``cursor`` is ``None`` on the last page."""

    versions: tuple[Version, ...]
    cursor: str | None


@frozen(kw_only=True)
class TrashPage:
    """Some of what is in the trash; ``cursor`` is ``None`` on the last page."""

    entries: tuple[Trashed, ...]
    cursor: str | None


@frozen(kw_only=True)
class Purged:
    """How many entries of the trash were removed for good."""

    purged: int


@frozen(kw_only=True)
class Tagged:
    """The tags of a file after a change."""

    filepath: str
    tags: tuple[str, ...]


@frozen(kw_only=True)
class BatchAnswer:
    """What came of each change, in order."""

    results: tuple[Done, ...]
