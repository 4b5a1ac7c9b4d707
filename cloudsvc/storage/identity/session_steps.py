"""Sessions in the store of accounts in a database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from attrs import define

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.sessions import FoundSession, Session, SessionId
from cloudsvc.identity.users import UserId
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.reading import ReadingConnection
from cloudsvc.storage.identity import sessions
from cloudsvc.storage.identity.steps import Steps

C = TypeVar("C", bound=ReadingConnection)


@define(eq=False, kw_only=True)
class SessionSteps(Steps[C]):
    """A :class:`cloudsvc.identity.session_store.SessionStore` in a database."""

    async def add_session(
        self,
        session: Session,
        digest: bytes,
        *,
        password_set: Revision | None = None,
        factors_set: Revision | None = None,
    ) -> Session:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.add_session`."""
        return await self._change(
            lambda connection: sessions.add_session(connection, session, digest, password_set, factors_set)
        )

    async def find_session(self, session: SessionId) -> FoundSession | None:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.find_session`."""
        return await self._readers.run(lambda connection: sessions.find_session(connection, session))

    async def find_sessions(self, sessions_: Collection[SessionId]) -> Mapping[SessionId, FoundSession]:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.find_sessions`."""
        return await self._readers.run(lambda connection: sessions.find_sessions(connection, sessions_), Lane.PAGES)

    async def list_sessions(self, user: UserId) -> Sequence[Session]:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.list_sessions`."""
        return await self._readers.run(lambda connection: sessions.list_sessions(connection, user), Lane.PAGES)

    async def end_session(self, user: UserId, session: SessionId) -> None:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.end_session`."""
        await self._change(lambda connection: sessions.end_session(connection, user, session))

    async def end_sessions(self, user: UserId, *, keeps: SessionId | None = None) -> int:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.end_sessions`."""
        return await self._change(lambda connection: sessions.end_sessions(connection, user, keeps))

    async def note_seen(self, seen: Mapping[SessionId, Instant]) -> None:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.note_seen`."""
        await self._writer.run(lambda connection: sessions.note_seen(connection, seen))

    async def remove_expired_sessions(self, before: Instant, limit: int) -> int:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.remove_expired_sessions`."""
        return await self._change(lambda connection: sessions.remove_expired_sessions(connection, before, limit))

    async def renew_hash(self, user: UserId, former: Secret, renewed: Secret) -> None:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.renew_hash`."""
        await self._writer.run(lambda connection: sessions.renew_hash(connection, user, former, renewed))
