"""
Interface of the store of sessions, which is that of users, groups and keys (:mod:`cloudsvc.identity.store`): each
method is one atomic step on durable storage, of which the same holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.sessions import FoundSession, Session, SessionId
from cloudsvc.identity.users import UserId


class SessionStore(Protocol):
    """Keeps sessions, and ends those of a user who is removed or disabled, or whose password changes."""

    async def add_session(
        self,
        session: Session,
        digest: bytes,
        *,
        password_set: Revision | None = None,
        factors_set: Revision | None = None,
    ) -> Session:
        """
        Add a session whose ``made`` is ``NEVER``. Those of its user that were seen longest ago give way, where there
        would be more than :data:`~cloudsvc.identity.bounds.MAX_USER_SESSIONS`.

        :param digest: SHA-256 of its secret.
        :param password_set: which password its user has shown, by the change that set it; ``None`` where it was none.
        :param factors_set: which second factors its user had when that was looked at; ``None`` where it was not.
        :return: as it is now.
        :raises CloudError: its user is not there, or is disabled; ``changed_meanwhile``: they have another password, or
            its subject is not theirs any more, or either has been declared void; or their second factors have changed.
        """
        ...

    async def find_session(self, session: SessionId) -> FoundSession | None:
        """A session, and its user as they are now; the same work whether there is one or not."""
        ...

    async def find_sessions(self, sessions: Collection[SessionId]) -> Mapping[SessionId, FoundSession]:
        """Some sessions, :data:`MAX_FOUND <cloudsvc.identity.bounds.MAX_FOUND>` at most; those that are there."""
        ...

    async def list_sessions(self, user: UserId) -> Sequence[Session]:
        """All of a user, by their ids, with those that have expired and are not removed yet."""
        ...

    async def end_session(self, user: UserId, session: SessionId) -> None:
        """
        Remove one of a user.

        :raises CloudError: there is no such session.
        """
        ...

    async def end_sessions(self, user: UserId, *, keeps: SessionId | None = None) -> int:
        """
        Remove all of a user but ``keeps``. How many there were; it is no change if there were none.
        """
        ...

    async def note_seen(self, seen: Mapping[SessionId, Instant]) -> None:
        """
        Remember when sessions were seen last, if that is later than what is remembered; :data:`MAX_NOTED
        <cloudsvc.identity.bounds.MAX_NOTED>` at most. Those that are not there are passed over. It is no change.
        """
        ...

    async def remove_expired_sessions(self, before: Instant, limit: int) -> int:
        """
        Remove up to ``limit`` sessions that have expired before this moment, the first to expire first. How many there
        were; it is no change if there were none.
        """
        ...

    async def renew_hash(self, user: UserId, former: Secret, renewed: Secret) -> None:
        """
        Keep ``renewed`` of a password that stays as it is, if ``former`` is still what is kept of it. It is no change.
        """
        ...
