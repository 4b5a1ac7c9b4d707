"""Requests about links, which let in whoever has no account, and about who one is."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from cloudsvc.client.calls import get_json, parse_as, post_json
from cloudsvc.client.effects import Call
from cloudsvc.core.secrets import Secret

LinkRole: TypeAlias = Literal["viewer", "uploader"]


@frozen(kw_only=True)
class Link:
    """
    A link, without its secret.

    :ivar role: what it lets do: ``viewer`` to see, ``uploader`` to bring files and see nothing.
    :ivar path: of what it is for; ``None`` where that is in the trash or gone.
    :ivar limit: how many files may be sent or received by it; ``None`` for any number.
    :ivar uses: how many were.
    """

    id: str
    role: LinkRole
    path: str | None
    label: str
    maker: str
    has_password: bool
    limit: int | None
    uses: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@frozen(kw_only=True)
class Shared:
    """
    A link that was made just now.

    :ivar url: its address, which holds the secret, and is told once.
    """

    link: Link
    url: Secret


@frozen(kw_only=True)
class RoleOnFolder:
    """What one may do in a folder; ``path`` is ``None`` where one may not look, or it is in the trash or gone."""

    path: str | None
    role: str


@frozen(kw_only=True)
class Profile:
    """
    Who one is, by the key that is shown.

    :ivar manager: whether one manages the whole drive.
    """

    name: str
    display_name: str
    manager: bool
    scopes: tuple[str, ...]
    roles: tuple[RoleOnFolder, ...]


@frozen(kw_only=True)
class LinkPage:
    """Some links; ``cursor`` is ``None`` on the last page."""

    links: tuple[Link, ...]
    cursor: str | None


@frozen(kw_only=True)
class MadeLink:
    """What the server says of a new link."""

    link: Link
    location: str = field(repr=False)


@frozen(kw_only=True)
class ChangedLink:
    """What the server says of one that was there."""

    link: Link


@frozen(kw_only=True)
class LinkWish:
    """What a link is to be; see :meth:`cloudsvc.client.Client.share`."""

    path: str
    role: LinkRole
    label: str | None
    password: Secret | None
    limit: int | None
    expires_at: datetime | None


def find_self() -> Call[Profile]:
    """Who one is."""
    return get_json("/api/me", Profile)


def make_link(wish: LinkWish) -> Call[MadeLink]:
    """Make a link."""
    body: dict[str, Any] = {"path": wish.path, "role": wish.role, "label": wish.label, "limit": wish.limit}
    if wish.password is not None:
        body["password"] = wish.password.reveal()
    if wish.expires_at is not None:
        body["expires_at"] = wish.expires_at.isoformat()
    return post_json("/api/links", MadeLink, {name: value for name, value in body.items() if value is not None})


def list_links(path: str | None, cursor: str | None = None) -> Call[LinkPage]:
    """Links of one's own, and to what one manages."""
    return get_json("/api/links", LinkPage, {"path": path, "cursor": cursor})


def revoke_link(link: str) -> Call[ChangedLink]:
    """End a link."""
    # It says the same where it was sent before.
    return Call(method="DELETE", target=f"/api/links/{link}", parse=parse_as(ChangedLink), repeatable=True)
