"""Sessions: what browsers show after somebody has signed in, and its form as text."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final, NewType

from attrs import field, frozen
from attrs.validators import max_len

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.bounds import SEEN_SECONDS, SESSION_IDLE_SECONDS
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.names import MAX_DISPLAY_NAME
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.subjects import SubjectId
from cloudsvc.identity.users import Holder, UserId

SessionId = NewType("SessionId", str)
"""Names a session: 24 random hexadecimal digits. No secret, and never used again."""

SESSION_PREFIX: Final = "css_"
"""What every session's text begins with."""

SESSION_CREDENTIAL: Final = "session:"
"""Before the id of a session where credentials are named."""

_FORM: Final = re.compile(rb"css_([0-9a-f]{24})([0-9a-f]{64})")
_SESSION_ID: Final = re.compile(r"[0-9a-f]{24}")

NO_SESSION: Final = SessionId("-" * 24)
"""The id of no session: looking for it costs what any other look-up does."""

_IDLE: Final = SESSION_IDLE_SECONDS * 1_000_000
_SEEN: Final = SEEN_SECONDS * 1_000_000


@frozen(kw_only=True)
class Session:
    """
    A session as of one moment, without its secret, which nobody knows but the browser that has it.

    :ivar label: for people, such as the name of the browser.
    :ivar key: the key by which its user signed in: it does no more than that, and is no good once that is not;
        ``None`` after a password, for all that the user may.
    :ivar subject: who its user was to the provider by which they signed in; ``None`` where it was none.
    :ivar seen_at: to some minutes, their beginning.
    :ivar ends_at: it is no good from then on, however much it is used.
    :ivar made: the change that made it; the store says which.
    """

    id: SessionId
    user: UserId
    label: str = field(default="", validator=max_len(MAX_DISPLAY_NAME))
    key: KeyId | None = None
    subject: SubjectId | None = None
    created_at: Instant
    seen_at: Instant
    ends_at: Instant
    made: Revision = NEVER

    @property
    def expires_at(self) -> Instant:
        """From when on it is no good, if it is not seen again."""
        return min(self.ends_at, end_of_idleness(self.seen_at))

    def is_alive(self, now: Instant) -> bool:
        """Whether it has not expired."""
        return now < self.expires_at


@frozen(kw_only=True)
class FoundSession:
    """
    A session, with what has to be known to let somebody in by it.

    :ivar digest: SHA-256 of its secret, 32 bytes.
    :ivar is_void: whether it is from before all credentials were declared void.
    """

    session: Session
    digest: bytes = field(repr=False)
    holder: Holder
    is_void: bool


@frozen(kw_only=True)
class ShownSession:
    """
    What somebody has shown as a session.

    :ivar id: the session that it says to be; :data:`NO_SESSION` where it has not the form of one.
    :ivar digest: SHA-256 of its secret; of all of it, where it has not the form.
    """

    id: SessionId
    digest: bytes = field(repr=False)


@frozen(kw_only=True)
class MadeSession:
    """
    What a new session consists of.

    :ivar text: what the browser keeps.
    :ivar digest: SHA-256 of its secret, which is what the server keeps.
    """

    id: SessionId
    text: Secret
    digest: bytes = field(repr=False)


def make_session() -> MadeSession:
    """One of 256 random bits, beside its id."""
    session_id, secret = SessionId(secrets.token_hex(12)), secrets.token_hex(32)
    text = f"{SESSION_PREFIX}{session_id}{secret}"
    return MadeSession(id=session_id, text=Secret(text), digest=_digest(secret.encode()))


def read_session(text: bytes) -> ShownSession:
    """What ``text`` says to be. Whatever it is, it has a digest and an id to look for."""
    found = _FORM.fullmatch(text)
    if found is None:
        return ShownSession(id=NO_SESSION, digest=_digest(text))
    return ShownSession(id=SessionId(found[1].decode()), digest=_digest(found[2]))


def is_session(text: bytes) -> bool:
    """Whether ``text`` has the form of a session's."""
    return _FORM.fullmatch(text) is not None


def is_session_id(text: str) -> bool:
    """Whether ``text`` could name a session."""
    return _SESSION_ID.fullmatch(text) is not None


def floor_seen(moment: Instant) -> Instant:
    """The beginning of the minutes to which it is known when a session was seen."""
    return moment - moment % _SEEN


def end_of_idleness(seen: Instant) -> Instant:
    """When a session ends that was seen then, and never again."""
    return seen + _IDLE


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
