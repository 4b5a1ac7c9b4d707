"""Links: what somebody shows who has no account, to see one file or folder, or to bring files into one."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen
from attrs.validators import ge, in_, le, max_len, optional

from cloudsvc.core.actors import Role
from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.bounds import MAX_LINK_USES
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.link_format import LinkId
from cloudsvc.identity.names import MAX_DISPLAY_NAME
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.users import Holder, UserId

LINK_ROLES: Final = (Role.VIEWER, Role.UPLOADER)
"""What a link can let do."""

LINK_CREDENTIAL: Final = "link:"
"""Before the id of a link where credentials and actors are named: no user can be called so."""


@frozen(kw_only=True)
class Link:
    """
    A link as of one moment, without its secret, which nobody knows but who has it.

    :ivar role: what it lets do: see, or bring new files and see nothing.
    :ivar target: the file or folder that it is for, by the id of its node: it follows where that is moved, sleeps while
        it is in the trash, and is of no use once it is purged.
    :ivar label: for people.
    :ivar holder: the user who made it, beyond whose rights of the moment it never goes; ``None`` where it was the owner
        or a program.
    :ivar maker: the name of the actor who made it.
    :ivar made_by: the key by which they did; ``None`` where it was none of the accounts. That one may be gone.
    :ivar password: what is kept of its password (:mod:`cloudsvc.identity.passwords`); ``None`` where it has none.
    :ivar most_uses: so many files are sent or received by it; ``None`` for any number.
    :ivar uses: how many were; where there is no limit, what is counted since the last minute may be missing.
    :ivar last_used: when the last one was, likewise; ``None`` for never.
    :ivar expires_at: it is no good from then on; ``None`` for never.
    :ivar revoked_at: since when it is no good; ``None`` where nobody has revoked it.
    :ivar made: the change that made it; the store says which.
    :ivar revision: the last change of this link, :data:`NEVER` for one that is to be added. Uses are none.
    """

    id: LinkId
    role: Role = field(validator=in_(LINK_ROLES))
    target: int
    label: str = field(default="", validator=max_len(MAX_DISPLAY_NAME))
    holder: UserId | None = None
    maker: str
    made_by: KeyId | None = None
    password: Secret | None = field(default=None, repr=False)
    most_uses: int | None = field(default=None, validator=optional([ge(1), le(MAX_LINK_USES)]))
    uses: int = 0
    last_used: Instant | None = None
    created_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    made: Revision = NEVER
    revision: Revision = NEVER

    @property
    def ended_at(self) -> Instant | None:
        """From when on it is no good by itself; ``None`` for never."""
        return min((each for each in (self.expires_at, self.revoked_at) if each is not None), default=None)

    @property
    def is_used_up(self) -> bool:
        """Whether it takes no further use."""
        return self.most_uses is not None and self.uses >= self.most_uses

    def is_alive(self, now: Instant) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.ended_at is None or now < self.ended_at


@frozen(kw_only=True)
class FoundLink:
    """
    A link, with what has to be known to let somebody in by it.

    :ivar digest: SHA-256 of its secret, 32 bytes.
    :ivar holder: the user who made it; ``None`` where it was none.
    :ivar is_void: whether it is from before all credentials were declared void.
    """

    link: Link
    digest: bytes = field(repr=False)
    holder: Holder | None
    is_void: bool


@frozen(kw_only=True)
class LinkUse:
    """
    Uses of a link that are to be written down.

    :ivar count: how many.
    :ivar last: when the last one was.
    """

    count: int
    last: Instant
