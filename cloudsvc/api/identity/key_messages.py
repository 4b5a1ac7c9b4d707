"""Response messages of the routes of keys."""

from __future__ import annotations

from attrs import field, frozen

from cloudsvc.api.identity.roles import GrantedRole, Paths
from cloudsvc.api.moments import Moment, format_moment
from cloudsvc.extend import Message
from cloudsvc.extend.drive import format_instant
from cloudsvc.extend.identity import Issued, Key


@frozen(kw_only=True)
class KeyEntry:
    """
    A key, without its secret.

    :ivar program: The program whose it is; `null` for a key of a user.
    :ivar maker: The name of who has made it.
    :ivar made_by: The id of the key by which they have; `null` where that was none.
    :ivar roles: What it may do of what its holder may; `null` for all of that.
    :ivar rate: How often it may be used; `null` for as often as anybody.
    :ivar last_used: To the hour; `null` for never.
    """

    id: str
    label: str
    program: str | None
    maker: str
    made_by: str | None
    roles: tuple[GrantedRole, ...] | None
    scopes: tuple[str, ...]
    rate: str | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used: Moment | None

    @classmethod
    def of(cls, key: Key, paths: Paths) -> KeyEntry:
        """``key`` as its holder sees it."""
        return cls(
            id=key.id,
            label=key.label,
            program=None if key.program is None else str(key.program),
            maker=key.maker,
            made_by=key.made_by,
            roles=None if key.grants is None else paths.tell(key.grants),
            scopes=tuple(sorted(key.scopes)),
            rate=key.rate,
            created_at=format_instant(key.created_at),
            expires_at=format_moment(key.expires_at),
            revoked_at=format_moment(key.revoked_at),
            last_used=format_moment(key.last_used),
        )


@frozen(kw_only=True)
class KeyMessage(Message):
    """One key."""

    key: KeyEntry


@frozen(kw_only=True)
class RevokedMessage(Message):
    """
    A key that has ended.

    :ivar others: How many keys that were made by it, or by others that were, have ended with it.
    """

    key: KeyEntry
    others: int


@frozen(kw_only=True)
class KeyPage(Message):
    """Some keys, by their ids."""

    keys: tuple[KeyEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class IssuedMessage(Message):
    """
    A new key.

    :ivar secret: The key itself, to be sent as `X-API-Key`. It is told once: the server keeps but a hash.
    """

    key: KeyEntry
    secret: str = field(repr=False)

    @classmethod
    def of(cls, message: str, issued: Issued, paths: Paths) -> IssuedMessage:
        """``issued`` for who has asked for it."""
        return cls(message=message, key=KeyEntry.of(issued.key, paths), secret=issued.made.text.reveal())
