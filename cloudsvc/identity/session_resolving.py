"""Resolution of sessions: whose one is, and what it may do at this moment."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

from attrs import evolve, frozen

from cloudsvc.core.actors import Actor
from cloudsvc.core.clock import Instant
from cloudsvc.identity.keys import Key
from cloudsvc.identity.noting import Notes
from cloudsvc.identity.resolving import Resolver
from cloudsvc.identity.session_store import SessionStore
from cloudsvc.identity.sessions import FoundSession, Session, SessionId, floor_seen, read_session

_NOBODY: Final = bytes(32)
"""The digest of no secret that anyone could find; comparing with it makes a missing session cost the same."""


@frozen(kw_only=True)
class ResolvedSession:
    """
    A session that is good, and who acts by it.

    :ivar key: by which they signed in; ``None`` after a password.
    :ivar until: the moment from which on it is no good any more by itself.
    """

    actor: Actor
    session: Session
    key: Key | None
    until: Instant


class Seen(Notes[SessionId]):
    """When sessions were seen last, each once in some minutes, until that is written down."""

    def note(self, session: Session, now: Instant) -> None:
        """``session`` is used now."""
        self.keep(session.id, floor_seen(now), session.seen_at)

    def correct(self, session: Session) -> Session:
        """``session`` as it was seen last, also where that is not written down yet."""
        return evolve(session, seen_at=max(session.seen_at, self.find_moment(session.id) or 0))


@frozen(kw_only=True)
class SessionResolver:
    """
    Finds out whose sessions are. Whatever is wrong with one, it is nobody's, and takes the same look-up to find out.

    :param keys: of which a session that was begun by one never does more.
    :param seen: is told who is seen; what is under way does not count as being seen.
    :param is_trusted: as :class:`~cloudsvc.identity.resolving.Resolver` has it.
    """

    _store: SessionStore
    _keys: Resolver
    _seen: Seen
    _now: Callable[[], Instant]
    _is_trusted: Callable[[], bool] = lambda: True

    async def resolve(self, shown: bytes) -> ResolvedSession | None:
        """
        Who has shown this as a session, which is seen by that; ``None`` for nobody.

        :raises CloudError: the storage fails, so that nobody can tell.
        """
        read = read_session(shown)
        found = await self._store.find_session(read.id)
        is_right = hmac.compare_digest(read.digest, _NOBODY if found is None else found.digest)
        if found is None or not is_right:
            return None
        resolved = await self._complete(found)
        if resolved is None:
            return None
        self._seen.note(found.session, self._now())
        # It may have been the last moment: what is let in now is not idle any more.
        session = evolve(resolved.session, seen_at=max(resolved.session.seen_at, floor_seen(self._now())))
        return evolve(resolved, session=session, until=_find_end(session, resolved.key))

    async def find_again(self, session: SessionId) -> ResolvedSession | None:
        """
        Who acts by a session that was shown before; ``None`` where it is no good any more.

        :raises CloudError: the storage fails, so that nobody can tell.
        """
        found = await self._store.find_session(session)
        return None if found is None else await self._complete(found)

    async def _complete(self, found: FoundSession) -> ResolvedSession | None:
        session, holder = self._seen.correct(found.session), found.holder
        is_good = self._is_trusted() and session.is_alive(self._now())
        if not is_good or found.is_void or holder.user.is_disabled:
            return None
        if session.key is None:
            user = holder.user
            actor = Actor(name=str(user.name), scopes=user.scopes, grants=holder.grants, payer=user.payer)
            return ResolvedSession(actor=actor, session=session, key=None, until=session.expires_at)
        by_key = await self._keys.find_again(session.key)
        # Of a key with a rate, each session would have that rate once more.
        if by_key is None or by_key.key.holder != session.user or by_key.key.rate is not None:
            return None
        return ResolvedSession(
            actor=by_key.actor, session=session, key=by_key.key, until=_find_end(session, by_key.key)
        )


def _find_end(session: Session, key: Key | None) -> Instant:
    ended = None if key is None else key.ended_at
    return session.expires_at if ended is None else min(session.expires_at, ended)
