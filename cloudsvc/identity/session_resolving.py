"""Resolution of sessions: whose one is, and what it may do at this moment."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Mapping
from typing import Final

from attrs import evolve, frozen

from cloudsvc.core.actors import Actor
from cloudsvc.core.clock import Instant
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import Key
from cloudsvc.identity.noting import Notes
from cloudsvc.identity.resolving import Resolved, Resolver
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
        resolved = (await self._complete([found])).get(read.id)
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
        return None if found is None else (await self._complete([found])).get(session)

    async def find_some_again(self, sessions: Collection[SessionId]) -> Mapping[SessionId, ResolvedSession]:
        """
        Who acts by sessions that were shown before, :data:`~cloudsvc.identity.bounds.MAX_FOUND` at most; of those that
        are still good. It takes two look-ups, and not as many as there are sessions.

        :raises CloudError: the storage fails, so that nobody can tell.
        """
        return await self._complete([*(await self._store.find_sessions(sessions)).values()])

    async def _complete(self, found: Collection[FoundSession]) -> Mapping[SessionId, ResolvedSession]:
        good = [evolve(each, session=self._seen.correct(each.session)) for each in found if self._is_good(each)]
        shown = frozenset(each.session.key for each in good if each.session.key is not None)
        by_key = await self._keys.find_some_again(shown) if shown else {}
        resolved = (_resolve(each, by_key) for each in good)
        return {each.session.id: each for each in resolved if each is not None}

    def _is_good(self, found: FoundSession) -> bool:
        is_alive = self._seen.correct(found.session).is_alive(self._now())
        return self._is_trusted() and is_alive and not (found.is_void or found.holder.user.is_disabled)


def _resolve(found: FoundSession, by_key: Mapping[KeyId, Resolved]) -> ResolvedSession | None:
    """
    What a good session is.

    :param by_key: who acts by the keys with which such sessions were begun, of those that are still good.
    """
    session, holder = found.session, found.holder
    if session.key is None:
        user = holder.user
        actor = Actor(name=str(user.name), scopes=user.scopes, grants=holder.grants, payer=user.payer)
        return ResolvedSession(actor=actor, session=session, key=None, until=session.expires_at)
    now = by_key.get(session.key)
    # Of a key with a rate, each session would have that rate once more.
    if now is None or now.key.holder != session.user or now.key.rate is not None:
        return None
    return ResolvedSession(actor=now.actor, session=session, key=now.key, until=_find_end(session, now.key))


def _find_end(session: Session, key: Key | None) -> Instant:
    ended = None if key is None else key.ended_at
    return session.expires_at if ended is None else min(session.expires_at, ended)
