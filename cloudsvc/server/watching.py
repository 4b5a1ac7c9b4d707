"""Watch over the requests that are under way: they end with the credentials by which they were let in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import Any, Final, Protocol, TypeAlias

from attrs import define, field
from twisted.logger import Logger

from cloudsvc.api.identity.links.guards import Visitor
from cloudsvc.core.actors import OWNER_CREDENTIAL, Principal
from cloudsvc.core.clock import Instant
from cloudsvc.identity.bounds import MAX_FOUND
from cloudsvc.identity.keys import KEY_CREDENTIAL
from cloudsvc.identity.link_resolving import LinkResolver, ResolvedLink
from cloudsvc.identity.links import LINK_CREDENTIAL
from cloudsvc.identity.resolving import Resolved, Resolver
from cloudsvc.identity.session_resolving import ResolvedSession, SessionResolver
from cloudsvc.identity.sessions import SESSION_CREDENTIAL

_log = Logger("cloudsvc.identity")

_MOST_ENDS: Final = 10_000
"""Credentials of which it is known here when they end. Beyond that, those are dropped by which nothing is under way."""

_Found: TypeAlias = Resolved | ResolvedSession | ResolvedLink
"""Somebody who is let in."""


class RunningRequests(Protocol):
    """The requests that are under way in this process."""

    def list_credentials(self) -> frozenset[str]:
        """The names of the credentials by which they were let in."""
        ...

    def end(self, is_refused: Callable[[Principal], bool], *, spares_changes: bool = False) -> int:
        """
        End those that would not be let in any more; how many there were.

        :param spares_changes: whether to leave alone those that change something and have arrived whole.
        """
        ...


@define(eq=False)
class Watch:
    """
    Ends what is under way by credentials that are no good any more, or may do less.

    :param keys: looks up again whose keys are, as the others do for sessions and links.
    :param running: the requests of this process.
    """

    _keys: Resolver
    _sessions: SessionResolver
    _links: LinkResolver
    _running: RunningRequests
    _now: Callable[[], Instant]
    _ends: dict[str, Instant] = field(init=False, factory=dict)

    def remember_end(self, name: str, until: Instant | None) -> None:
        """The credential of this name ends by itself ``until`` then; ``None`` for never."""
        if until is None:
            self._ends.pop(name, None)
            return
        if len(self._ends) >= _MOST_ENDS:
            running = self._running.list_credentials()
            self._ends = {name: until for name, until in self._ends.items() if name in running}
        self._ends[name] = until

    def end_expired(self) -> bool:
        """End what is under way by credentials that have ended by themselves; whether there were such."""
        now = self._now()
        over = {name for name, until in self._ends.items() if until <= now}
        if over:
            self._running.end(lambda principal: principal.credential in over)
            for name in over:
                del self._ends[name]
        return bool(over)

    async def end_narrowed(self, *, refuses_owner: bool, spares_changes: bool) -> None:
        """
        Look up again all credentials by which something is under way, and end what would not be let in any more.

        :param refuses_owner: whether the owner's token is switched off.
        :param spares_changes: as in :meth:`RunningRequests.end`.
        :raises CloudError: a storage fails, so that nobody can tell.
        """
        if refuses_owner:
            self._end_others({OWNER_CREDENTIAL: None}, spares_changes=spares_changes)
        looks: tuple[tuple[str, Callable[[Collection[Any]], Awaitable[Mapping[Any, _Found]]]], ...] = (
            (KEY_CREDENTIAL, self._keys.find_some_again),
            (SESSION_CREDENTIAL, self._sessions.find_some_again),
            (LINK_CREDENTIAL, self._links.find_some_again),
        )
        for prefix, look in looks:
            for ids in self._list_running(prefix):
                found = await look(ids)
                asked = {f"{prefix}{each}": found.get(each) for each in ids}
                self._end_others(asked, spares_changes=spares_changes)

    def _list_running(self, prefix: str) -> Iterator[list[str]]:
        """The ids of the credentials of one kind by which something is under way, some at a time."""
        running = self._running.list_credentials()
        ids = sorted(name.removeprefix(prefix) for name in running if name.startswith(prefix))
        for start in range(0, len(ids), MAX_FOUND):
            yield ids[start : start + MAX_FOUND]

    def _end_others(self, found: Mapping[str, _Found | None], *, spares_changes: bool) -> None:
        """End what is under way by these credentials and may be so no more, as was just found."""
        for name, now in found.items():
            if now is not None:
                self.remember_end(name, now.until)
        ended = self._running.end(
            lambda principal: principal.credential in found and not _includes(found[principal.credential], principal),
            spares_changes=spares_changes,
        )
        if ended:
            _log.info("{ended} requests were ended, whose credentials may do less now", ended=ended)


def _includes(found: _Found | None, former: Principal) -> bool:
    """Whether somebody may still do all that they could."""
    if found is None or (isinstance(found, ResolvedLink) and _is_relocked(found, former)):
        return False
    actor = found.actor
    return former.actor.scopes <= actor.scopes and frozenset(former.actor.grants) <= frozenset(actor.grants)


def _is_relocked(found: ResolvedLink, former: Principal) -> bool:
    """Whether a link has a password now that is another one than that with which somebody came by it."""
    if found.link.password is None or not isinstance(former, Visitor) or former.is_locked:
        return False
    return former.visit.link.password != found.link.password
