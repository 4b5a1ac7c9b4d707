"""Messages of links: to who manages them, and to who visits by them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from attrs import field, frozen
from msgspec import Meta

from cloudsvc.api.moments import Moment, format_moment
from cloudsvc.extend import File, Message
from cloudsvc.extend.drive import Node, format_instant
from cloudsvc.extend.identity import Link, MadeLink

LinkText = Annotated[str, Meta(min_length=16, max_length=16)]
"""The id of a link."""


class LinkRole(StrEnum):
    """What a link lets do: see, or bring new files and see nothing."""

    VIEWER = "viewer"
    UPLOADER = "uploader"


@frozen(kw_only=True)
class LinkEntry:
    """
    A link, without its secret.

    :ivar target: The id of the file or folder that it is for, which it keeps wherever it is moved.
    :ivar path: Where that is now; `null` where the reader may not look there, or where it is in the trash or gone.
    :ivar maker: The name of who has made it, whose rights it never goes beyond.
    :ivar made_by: The id of the key by which they have; `null` where that was none.
    :ivar limit: How many files may be sent or received by it; `null` for any number.
    :ivar uses: How many were, without the last minute where there is no limit.
    """

    id: str
    role: LinkRole
    target: int
    path: str | None
    label: str
    maker: str
    made_by: str | None
    has_password: bool
    limit: int | None
    uses: int
    last_used: Moment | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None

    @classmethod
    def of(cls, link: Link, paths: Mapping[int, str]) -> LinkEntry:
        """``link`` as somebody sees it who may look at ``paths``."""
        return cls(
            id=link.id,
            role=LinkRole(link.role.value),
            target=link.target,
            path=paths.get(link.target),
            label=link.label,
            maker=link.maker,
            made_by=link.made_by,
            has_password=link.password is not None,
            limit=link.most_uses,
            uses=link.uses,
            last_used=format_moment(link.last_used),
            created_at=format_instant(link.created_at),
            expires_at=format_moment(link.expires_at),
            revoked_at=format_moment(link.revoked_at),
        )


@frozen(kw_only=True)
class LinkMessage(Message):
    """One link."""

    link: LinkEntry


@frozen(kw_only=True)
class LinkPage(Message):
    """Some links, by their ids."""

    links: tuple[LinkEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class MadeLinkMessage(Message):
    """
    A new link.

    :ivar location: Its address, relative to that of the server. It holds the secret, and is told once: the server keeps
        but a hash.
    """

    link: LinkEntry
    location: str = field(repr=False)

    @classmethod
    def of(cls, made: MadeLink, paths: Mapping[int, str]) -> MadeLinkMessage:
        """``made`` for who has asked for it."""
        return cls(
            message="Link made: keep its address, it is not shown again.",
            link=LinkEntry.of(made.link, paths),
            location=f"/s/{made.secret.reveal()}",
        )


class SharedKind(StrEnum):
    """What is shared."""

    FILE = "file"
    FOLDER = "folder"


@frozen(kw_only=True)
class SharedEntry:
    """
    A file or folder in a folder that is shared.

    :ivar size: In bytes; `null` for a folder.
    :ivar media_type: `null` for a folder.
    """

    name: str
    kind: SharedKind
    size: int | None
    media_type: str | None
    modified_at: Moment

    @classmethod
    def of(cls, node: Node) -> SharedEntry:
        """``node`` as visitors see it."""
        if isinstance(node, File):
            version = node.version
            return cls(
                name=node.path.name.text,
                kind=SharedKind.FILE,
                size=version.blob.size,
                media_type=version.media_type,
                modified_at=format_instant(version.modified_at),
            )
        return cls(
            name=node.path.name.text,
            kind=SharedKind.FOLDER,
            size=None,
            media_type=None,
            modified_at=format_instant(node.updated_at),
        )


@frozen(kw_only=True)
class SharedFolder(Message):
    """
    What is in a folder that is shared.

    :ivar label: Of the link.
    :ivar path: Of the folder, from the shared one on; empty for that itself.
    """

    label: str
    path: str
    entries: tuple[SharedEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class FileRequest(Message):
    """
    A link by which files can be brought, and nothing is seen.

    :ivar label: Of the link.
    """

    label: str
    role: LinkRole


@frozen(kw_only=True)
class ReceivedMessage(Message):
    """
    A file that was received, and is safe.

    :ivar name: That was asked for. Where it was taken, the file has another one beside it, which is not told.
    :ivar size: In bytes.
    """

    name: str
    size: int
