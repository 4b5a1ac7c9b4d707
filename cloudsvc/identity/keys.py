"""Keys: what programs show, on behalf of a user or on their own."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen
from attrs.validators import max_len, optional

from cloudsvc.core.actors import Grant
from cloudsvc.core.clock import Instant
from cloudsvc.core.rates import parse_rate
from cloudsvc.identity.bounds import ENDED_KEY_SECONDS, MAX_KEY_GRANTS, MAX_SCOPES
from cloudsvc.identity.errors import invalid_rate
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.names import MAX_DISPLAY_NAME, AccountName
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.users import Holder, UserId

_HOUR: Final = 3600 * 1_000_000
LATEST_END: Final = 253_402_300_799_999_999
"""The last moment that can be written as a date: that of the year 9999. No key ends later."""

KEY_CREDENTIAL: Final = "key:"
"""Before the id of a key where credentials are named."""

MAX_RATE: Final = 64
"""Characters of a rate."""


@frozen(kw_only=True)
class Key:
    """
    A key as of one moment, without its secret, which nobody knows but who has it.

    :ivar label: for people.
    :ivar holder: the user on whose behalf it acts, never beyond what they may do just then; ``None`` for a key of a
        program, which acts on its own.
    :ivar program: the name of that program; ``None`` for the key of a user. Several keys may have the same one.
    :ivar maker: the name of the actor who has made it.
    :ivar grants: what it may do of what its holder may; ``None`` for all of that, which a program's key never has.
        Sorted by :func:`cloudsvc.identity.grants.tidy`.
    :ivar scopes: the routes that it may use, of those that its holder may.
    :ivar rate: how often it may be used, such as ``100/minute``; ``None`` for as often as anybody.
    :ivar expires_at: it is no good from then on; ``None`` for never.
    :ivar revoked_at: since when it is no good; ``None`` where nobody has revoked it.
    :ivar last_used: to the hour, its beginning; ``None`` for never.
    :ivar made: the change that made it; the store says which.
    :ivar made_by: the key by which its maker has asked for it; ``None`` where they asked by none of the accounts. That
        one may be gone.
    :ivar revision: the last change of this key, :data:`NEVER` for one that is to be added.
    :raises ValueError: it is neither a user's nor a program's, or both.
    """

    id: KeyId
    label: str = field(default="", validator=max_len(MAX_DISPLAY_NAME))
    holder: UserId | None = None
    program: AccountName | None = None
    maker: str
    grants: tuple[Grant, ...] | None = field(default=None, validator=optional(max_len(MAX_KEY_GRANTS)))
    scopes: frozenset[str] = field(validator=max_len(MAX_SCOPES))
    rate: str | None = field(default=None, validator=optional(max_len(MAX_RATE)))
    created_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    last_used: Instant | None = None
    made_by: KeyId | None = None
    made: Revision = NEVER
    revision: Revision = NEVER

    def __attrs_post_init__(self) -> None:
        if (self.holder is None) == (self.program is None):
            raise ValueError("a key is either a user's or a program's")
        if self.program is not None and self.grants is None:
            raise ValueError("what a program's key may do has to be said")

    @property
    def ended_at(self) -> Instant | None:
        """From when on it is no good; ``None`` for never."""
        return min((each for each in (self.expires_at, self.revoked_at) if each is not None), default=None)

    def is_alive(self, now: Instant) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.ended_at is None or now < self.ended_at


@frozen(kw_only=True)
class FoundKey:
    """
    A key, with what has to be known to let somebody in by it.

    :ivar digest: SHA-256 of its secret, 32 bytes.
    :ivar holder: the user who holds it; ``None`` for a program's.
    :ivar is_void: whether it is from before all credentials were declared void.
    """

    key: Key
    digest: bytes = field(repr=False)
    holder: Holder | None
    is_void: bool


def floor_hour(moment: Instant) -> Instant:
    """The beginning of the hour of ``moment``."""
    return moment - moment % _HOUR


def find_stale(now: Instant) -> Instant:
    """Keys that have ended before this moment need not be listed any more."""
    return now - ENDED_KEY_SECONDS * 1_000_000


def parse_key_rate(text: str) -> str:
    """
    ``text`` as the rate of a key.

    :raises CloudError: it is none.
    """
    if len(text) > MAX_RATE:
        raise invalid_rate(f"it can have at most {MAX_RATE} characters")
    try:
        return parse_rate(text).text
    except ValueError as problem:
        raise invalid_rate(str(problem)) from None
