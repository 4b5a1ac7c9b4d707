"""Response messages of the routes of sessions."""

from __future__ import annotations

from attrs import frozen

from cloudsvc.api.moments import Moment
from cloudsvc.extend import Message
from cloudsvc.extend.drive import format_instant
from cloudsvc.extend.identity import Session, SessionId


@frozen(kw_only=True)
class SessionEntry:
    """
    A session, without its secret.

    :ivar key: The id of the key by which it began; `null` where it was none.
    :ivar subject: The id of one's account at a provider by which it began; `null` where it was none.
    :ivar seen_at: To some minutes.
    :ivar expires_at: When it ends, if it is not used any more.
    :ivar current: Whether it is that of this request.
    """

    id: str
    label: str
    key: str | None
    subject: str | None
    created_at: Moment
    seen_at: Moment
    expires_at: Moment
    current: bool

    @classmethod
    def of(cls, session: Session, current: SessionId | None) -> SessionEntry:
        """``session`` as its user sees it."""
        return cls(
            id=session.id,
            label=session.label,
            key=session.key,
            subject=session.subject,
            created_at=format_instant(session.created_at),
            seen_at=format_instant(session.seen_at),
            expires_at=format_instant(session.expires_at),
            current=session.id == current,
        )


@frozen(kw_only=True)
class SessionMessage(Message):
    """
    A session that has begun.

    :ivar name: Of its user.
    """

    name: str
    session: SessionEntry


@frozen(kw_only=True)
class SessionPage(Message):
    """The sessions of a user, the latest first."""

    sessions: tuple[SessionEntry, ...]


@frozen(kw_only=True)
class EndedMessage(Message):
    """How many sessions have ended."""

    ended: int
