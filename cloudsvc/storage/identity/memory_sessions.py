"""Sessions in plain memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from attrs import define, evolve

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import changed_meanwhile, session_not_found, user_disabled, user_not_found
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.sessions import FoundSession, Session, SessionId
from cloudsvc.identity.users import UserId
from cloudsvc.storage.identity.memory_steps import MemorySteps


@define(eq=False)
class MemorySessions(MemorySteps):
    """See :class:`cloudsvc.identity.session_store.SessionStore`."""

    async def add_session(
        self,
        session: Session,
        digest: bytes,
        *,
        password_set: Revision | None = None,
        factors_set: Revision | None = None,
    ) -> Session:
        """See :class:`~cloudsvc.identity.session_store.SessionStore`."""
        accounts = self._accounts
        user = accounts.users.get(session.user)
        if user is None:
            raise user_not_found()
        if user.is_disabled:
            raise user_disabled()
        is_void = user.password_set <= accounts.void_until
        if password_set is not None and (user.password_set != password_set or is_void):
            raise changed_meanwhile()
        if factors_set is not None and user.factors_set != factors_set:
            raise changed_meanwhile()
        if session.subject is not None:
            subject = accounts.subjects.get(session.subject)
            if subject is None or subject.user != user.id or subject.made <= accounts.void_until:
                raise changed_meanwhile()
        held = sorted(await self.list_sessions(user.id), key=lambda each: (-each.seen_at, -each.created_at, each.id))
        given_way = held[bounds.MAX_USER_SESSIONS - 1 :]
        for each in given_way:
            del accounts.sessions[each.id]
        added = evolve(session, made=accounts.change(adds=not given_way))
        accounts.sessions[session.id] = added, digest
        return added

    async def find_session(self, session: SessionId) -> FoundSession | None:
        """See :class:`~cloudsvc.identity.session_store.SessionStore`."""
        kept = self._accounts.sessions.get(session)
        if kept is None:
            return None
        found, digest = kept
        return FoundSession(
            session=found,
            digest=digest,
            holder=self._accounts.hold(self._accounts.users[found.user]),
            is_void=found.made <= self._accounts.void_until,
        )

    async def find_sessions(self, sessions: Collection[SessionId]) -> Mapping[SessionId, FoundSession]:
        """See :class:`~cloudsvc.identity.session_store.SessionStore`."""
        found = {session: await self.find_session(session) for session in sessions}
        return {session: each for session, each in found.items() if each is not None}

    async def list_sessions(self, user: UserId) -> Sequence[Session]:
        """See :class:`~cloudsvc.identity.session_store.SessionStore`."""
        sessions = self._accounts.sessions
        return [found for found, _ in (sessions[each] for each in sorted(sessions)) if found.user == user]

    async def end_session(self, user: UserId, session: SessionId) -> None:
        """See :class:`~cloudsvc.identity.session_store.SessionStore`."""
        kept = self._accounts.sessions.get(session)
        if kept is None or kept[0].user != user:
            raise session_not_found()
        del self._accounts.sessions[session]
        self._accounts.change()

    async def end_sessions(self, user: UserId, *, keeps: SessionId | None = None) -> int:
        """See :class:`~cloudsvc.identity.session_store.SessionStore`."""
        ended = self._accounts.drop_sessions(user, keeps=keeps)
        if ended:
            self._accounts.change()
        return ended

    async def note_seen(self, seen: Mapping[SessionId, Instant]) -> None:
        """See :class:`~cloudsvc.identity.session_store.SessionStore`."""
        sessions = self._accounts.sessions
        for each, moment in seen.items():
            if each in sessions and sessions[each][0].seen_at < moment:
                found, digest = sessions[each]
                sessions[each] = evolve(found, seen_at=moment), digest

    async def remove_expired_sessions(self, before: Instant, limit: int) -> int:
        """See :class:`~cloudsvc.identity.session_store.SessionStore`."""
        sessions = self._accounts.sessions
        expired = sorted((found.expires_at, each) for each, (found, _) in sessions.items())
        chosen = [each for moment, each in expired if moment < before][:limit]
        for each in chosen:
            del sessions[each]
        if chosen:
            self._accounts.change()
        return len(chosen)

    async def renew_hash(self, user: UserId, former: Secret, renewed: Secret) -> None:
        """See :class:`~cloudsvc.identity.session_store.SessionStore`."""
        if self._accounts.hashes.get(user) == former:
            self._accounts.hashes[user] = renewed
