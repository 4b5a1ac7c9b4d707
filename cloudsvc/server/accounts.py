"""
Accounts at run time: keys, sessions and links are looked up, what was revoked ends requests that are under way, and
uses are written down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel

from cloudsvc.access.issued import IssuedCredentials
from cloudsvc.access.keychain import Keychain
from cloudsvc.core.actors import Principal
from cloudsvc.core.clock import Instant
from cloudsvc.core.coroutines import complete
from cloudsvc.core.errors import CloudError
from cloudsvc.core.locks import Lock
from cloudsvc.core.rates import parse_rate
from cloudsvc.identity.keys import KEY_CREDENTIAL, find_stale
from cloudsvc.identity.link_resolving import LinkResolver, LinkUses, ResolvedLink, name_link
from cloudsvc.identity.resolving import Resolver, Uses
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.session_resolving import Seen, SessionResolver
from cloudsvc.identity.sessions import SESSION_CREDENTIAL, read_session
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.witness import Witness
from cloudsvc.server.watching import RunningRequests, Watch

_log = Logger("cloudsvc.identity")

SWEEP_SECONDS: Final = 0.5
"""Between two looks for keys that have expired, and for a store that is trusted again."""

_NOTE_SWEEPS: Final = 120
"""Sweeps after which uses of keys are written down, and keys removed that ended long ago."""

_LOOKS: Final = 4
"""
Sweeps after a change with which what is under way is looked at once more. A look-up may have seen what was before, and
the request that it lets in is counted by others before it is under way.
"""

_MOST_REMOVED: Final = 100
"""Keys in one step."""

_VIA: Final = "key"
_VIA_SESSION: Final = "session"


@define(eq=False, kw_only=True)
class Accounts:
    """
    What keys and sessions are looked up in, which keeps up with what changes.

    :param keys: where keys are let in.
    :param cookies: where sessions are let in.
    :param keychain: where the owner's token is let in.
    :param running: the requests of this process.
    """

    _store: IdentityStore
    _resolver: Resolver
    _sessions: SessionResolver
    _seen: Seen
    _links: LinkResolver
    _link_uses: LinkUses
    _witness: Witness
    _keys: IssuedCredentials
    _cookies: IssuedCredentials
    _keychain: Keychain
    _running: RunningRequests
    _clock: IReactorTime
    _now: Callable[[], Instant]
    _uses: Uses = field(init=False, factory=Uses)
    _watch: Watch = field(init=False)
    _revision: Revision = field(init=False, default=NEVER)
    _lock: Lock = field(init=False, factory=Lock)
    _looks: int = field(init=False, default=0)
    _wakes: int = field(init=False, default=0)
    _sweeps: int = field(init=False, default=0)
    _sweeper: LoopingCall | None = field(init=False, default=None)
    _stop_listening: Callable[[], None] = field(init=False, default=lambda: None)

    @_watch.default
    def _make_watch(self) -> Watch:
        return Watch(self._resolver, self._sessions, self._links, self._running, self._now)

    async def start(self) -> None:
        """
        See whether the store is trusted, and let keys in.

        :raises CloudError: the store fails.
        """
        await self._witness.start()
        self._note_owner()
        self._tell_trust()
        self._stop_listening = self._store.on_change(self._wake)
        self._revision = (await self._store.find_standing()).revision
        self._keys.open(self.look_up, are_any=self._was_ever_changed)
        self._cookies.open(self.look_up_session, are_any=self._was_ever_changed, look_again=self.look_again_at_session)
        self._sweeper = LoopingCall(lambda: Deferred.fromCoroutine(self._sweep()))
        self._sweeper.clock = self._clock
        self._sweeper.start(SWEEP_SECONDS, now=False)

    async def stop(self) -> None:
        """Let nobody in any more, and write down what was used."""
        self._keys.close()
        self._cookies.close()
        self._stop_listening()
        if self._sweeper is not None:
            self._sweeper.stop()
            self._sweeper = None
        await self._lock.acquire()
        self._lock.release()
        await self._note_uses()

    async def look_up(self, presented: bytes) -> Principal | None:
        """
        Whose key ``presented`` is, whatever form it has; ``None`` for nobody.

        :raises CloudError: unavailable, where nobody can say.
        """
        wakes = self._wakes
        found = await self._resolver.resolve(presented)
        if found is None:
            return None
        if wakes != self._wakes:
            # Something has changed since it began, and whoever is let in by it was not yet there to be looked at.
            self._looks = _LOOKS
        self._uses.note(found.key, self._now())
        name = f"{KEY_CREDENTIAL}{found.key.id}"
        self._watch.remember_end(name, found.until)
        rate = None if found.key.rate is None else parse_rate(found.key.rate)
        return Principal(actor=found.actor, via=_VIA, credential=name, rate=rate)

    async def look_up_session(self, presented: bytes) -> Principal | None:
        """
        Whose session ``presented`` is, whatever form it has; ``None`` for nobody.

        :raises CloudError: unavailable, where nobody can say.
        """
        wakes = self._wakes
        found = await self._sessions.resolve(presented)
        if found is None:
            return None
        if wakes != self._wakes:
            self._looks = _LOOKS
        if found.key is not None:
            self._uses.note(found.key, self._now())
        name = f"{SESSION_CREDENTIAL}{found.session.id}"
        self._watch.remember_end(name, found.until)
        return Principal(actor=found.actor, via=_VIA_SESSION, credential=name)

    async def look_again_at_session(self, presented: bytes) -> Principal | None:
        """As :meth:`look_up_session`, of one that was shown before and is not used by this."""
        found = await self._sessions.find_again(read_session(presented).id)
        if found is None:
            return None
        return Principal(actor=found.actor, via=_VIA_SESSION, credential=f"{SESSION_CREDENTIAL}{found.session.id}")

    async def look_up_link(self, presented: bytes) -> ResolvedLink | None:
        """
        The link whose secret ``presented`` is, whatever form it has; ``None`` for none that is any good.

        :raises CloudError: unavailable, where nobody can say.
        """
        wakes = self._wakes
        found = await self._links.resolve(presented)
        if found is None:
            return None
        if wakes != self._wakes:
            self._looks = _LOOKS
        self._watch.remember_end(name_link(found.link.id), found.until)
        return found

    async def settle(self) -> None:
        """What was taken from somebody counts in this process when this returns, and is witnessed."""
        self._wake()
        await self._witness.settle()
        self._note_owner()

    def _was_ever_changed(self) -> bool:
        """Whether there is or was anything in the store."""
        return self._revision != NEVER

    def _forget(self) -> None:
        self._keys.forget()
        self._cookies.forget()

    def _wake(self) -> None:
        self._forget()
        self._wakes += 1
        self._looks = _LOOKS
        Deferred.fromCoroutine(self._follow(spares_changes=True)).addErrback(
            lambda failure: _log.failure("changes of the accounts could not be followed, trying again", failure)
        )

    async def _sweep(self) -> None:
        try:
            if not self._witness.is_trusted and await self._witness.start():
                _log.info("the accounts have been accepted: keys are let in again")
                self._note_owner()
                self._forget()
            if self._watch.end_expired():
                self._forget()
            if self._looks:
                self._looks -= 1
                await self._follow(spares_changes=False)
            self._sweeps += 1
            if self._sweeps % _NOTE_SWEEPS == 0:
                await self._note_uses()
                await self._store.remove_ended_keys(find_stale(self._now()), _MOST_REMOVED)
                await self._store.remove_expired_sessions(self._now(), _MOST_REMOVED)
                await self._store.remove_expired_pending(self._now(), _MOST_REMOVED)
                await self._store.remove_ended_links(find_stale(self._now()), _MOST_REMOVED)
                await self._store.remove_expired_challenges(self._now(), _MOST_REMOVED)
        except CloudError as problem:
            _log.emit(LogLevel.warn, "the accounts cannot be looked after now: {problem}", problem=problem.message)
        except Exception:  # noqa: BLE001  # whatever it was, the next sweep has to happen
            _log.failure("the accounts could not be looked after, trying again")

    async def _follow(self, *, spares_changes: bool) -> None:
        """
        End what is under way by credentials that were narrowed, one look at a time.

        :param spares_changes: whether a change goes on that has arrived whole: whoever revokes the key by which they
            ask for that is to have the answer.
        """
        await complete(self._follow_in_turn(spares_changes=spares_changes))

    async def _follow_in_turn(self, *, spares_changes: bool) -> None:
        await self._lock.acquire()
        try:
            problem = await self._settle_witness()
            await self._watch.end_narrowed(refuses_owner=self._keychain.refuses_owner, spares_changes=spares_changes)
        except BaseException:
            self._looks = _LOOKS
            raise
        finally:
            self._lock.release()
        if problem is not None:
            self._looks = _LOOKS
            raise problem

    def _note_owner(self) -> None:
        if self._keychain.refuses_owner != self._witness.refuses_owner:
            self._keychain.refuses_owner = self._witness.refuses_owner
            state = "off: it is refused from now on" if self._witness.refuses_owner else "on"
            _log.info("the owner's token is switched {state}", state=state)

    async def _settle_witness(self) -> CloudError | None:
        """Witness how far the store has come. What is wrong with that, which is no reason to let anything go on."""
        was_trusted = self._witness.is_trusted
        try:
            self._revision = (await self._witness.settle()).revision
        except CloudError as problem:
            return problem
        finally:
            self._note_owner()
        if was_trusted and not self._witness.is_trusted:
            self._forget()
            self._tell_trust()
        return None

    async def _note_uses(self) -> None:
        uses = self._uses.find_noted()
        if uses:
            await self._store.note_uses(uses)
            self._uses.forget(uses)
        seen = self._seen.find_noted()
        if seen:
            await self._store.note_seen(seen)
            self._seen.forget(seen)
        links = self._link_uses.take()
        if links:
            try:
                await self._store.note_link_uses(links)
            except BaseException:
                self._link_uses.give_back(links)
                raise

    def _tell_trust(self) -> None:
        if not self._witness.is_trusted:
            _log.emit(
                LogLevel.error,
                "the accounts are older than those that were here before, so no key and no password is let in: what was"
                " revoked since would be good again; see who may do what, and say `cloudsvc identity accept`",
            )
