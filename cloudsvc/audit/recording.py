"""
Recording of events: changes before they are answered, refusals together, and what is too old is cut off.

A change is done first, then its entry is made durable, and only then is whoever asked told that it was done. So no
change that was acknowledged is without an entry. Where the entry cannot be made, they are told so, and from then on
changes are refused before they begin, until the log takes entries again; those that are owed are kept, and come first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final, TypeAlias

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cloudsvc.audit.bounds import MAX_TOGETHER
from cloudsvc.audit.entries import Event, Outcome
from cloudsvc.audit.log import AuditLog
from cloudsvc.core.clock import Instant
from cloudsvc.core.coroutines import complete
from cloudsvc.core.errors import CloudError, Kind

_log = Logger("cloudsvc.audit")

SWEEP_SECONDS: Final = 1.0
"""Between two attempts to append what is owed."""

REFUSAL_SWEEPS: Final = 10
"""Sweeps for which refusals are gathered, so that equal ones make one entry."""

CUT_SWEEPS: Final = 60
"""Sweeps between two looks for entries that are too old, and for what was given up when space was short."""

MAX_REFUSALS: Final = 100
"""Kinds of refusals that are told apart in one gathering: the log grows by so many entries at most, whoever asks."""

MAX_REFUSALS_OF_CLIENT: Final = 5
"""The same of one client."""

MAX_OWED: Final = 10_000
"""Events that wait to be appended. Of those that change something there are no more than requests under way."""

OTHERS: Final = "others"
"""The action of the entry that counts refusals beyond those bounds."""

_Likeness: TypeAlias = tuple[str, ...]
"""What is the same of refusals that are counted together."""


def audit_unavailable() -> CloudError:
    """The audit takes no entries; nothing was done."""
    return CloudError(
        Kind.UNAVAILABLE,
        "audit_unavailable",
        "Nothing can be changed now, since the audit takes no entries. Try again later.",
        retry_after=5,
    )


def audit_failed() -> CloudError:
    """Something was done, and there is no entry of it yet."""
    return CloudError(
        Kind.UNAVAILABLE,
        "audit_failed",
        "What you asked for was done, but the audit took no entry of it. Look before you try again.",
        retry_after=5,
    )


@define(eq=False, kw_only=True)
class Recorder:
    """
    What a process has to tell an audit.

    :ivar keep: microseconds for which entries are kept; ``None`` for ever.
    :ivar is_failing: whether the log takes no entries.
    """

    _log: AuditLog
    _clock: IReactorTime
    _now: Callable[[], Instant]
    _keep: Instant | None
    is_failing: bool = field(init=False, default=False)
    _owed: deque[tuple[Event, Deferred[None]]] = field(init=False, factory=deque)
    _refusals: dict[_Likeness, Event] = field(init=False, factory=dict)
    _of_client: dict[str, int] = field(init=False, factory=dict)
    _appending: Deferred[None] | None = field(init=False, default=None)
    _sweeper: LoopingCall | None = field(init=False, default=None)
    _ended: Deferred[LoopingCall] | None = field(init=False, default=None)
    _sweeps: int = field(init=False, default=0)

    def start(self) -> None:
        """Append from now on."""
        self._sweeper = LoopingCall(lambda: Deferred.fromCoroutine(self.sweep()))
        self._sweeper.clock = self._clock
        self._ended = self._sweeper.start(SWEEP_SECONDS, now=False)

    async def stop(self) -> None:
        """Append what is left, once more."""
        if self._sweeper is not None and self._ended is not None:
            self._sweeper.stop()
            await self._ended
            self._sweeper = None
        self._gather()
        await complete(self._append())
        if self._owed:
            _log.error("{lost} events are lost to the audit, which takes no entries", lost=len(self._owed))

    def check(self) -> None:
        """
        Called before something is changed.

        :raises CloudError: there could be no entry of it.
        """
        if self.is_failing or len(self._owed) >= MAX_OWED:
            raise audit_unavailable()

    async def record(self, event: Event) -> None:
        """
        Called when something was changed: there is an entry when this returns. Whoever leaves meanwhile changes
        nothing.

        :raises CloudError: there is none yet.
        """
        done: Deferred[None] = Deferred()
        self._owed.append((event, done))
        self._begin()
        await done

    def note(self, event: Event) -> None:
        """There is to be an entry soon."""
        if len(self._owed) >= MAX_OWED:
            _log.error("an event is lost to the audit, which takes no entries: {event}", event=str(event))
            return
        ignored: Deferred[None] = Deferred()
        ignored.addErrback(lambda _: None)
        self._owed.append((event, ignored))
        self._begin()

    def count(self, event: Event, client: str) -> None:
        """
        Something was refused. Equal ones are counted together.

        :param client: what clients are told apart by.
        """
        likeness: _Likeness = (client, event.actor, event.credential, event.key, event.action, str(event.status))
        if likeness not in self._refusals:
            of_client = self._of_client.get(client, 0)
            if len(self._refusals) >= MAX_REFUSALS or of_client >= MAX_REFUSALS_OF_CLIENT:
                likeness, event = (), Event(at=event.at, action=OTHERS, outcome=Outcome.REFUSED)
            else:
                self._of_client[client] = of_client + 1
        known = self._refusals.get(likeness)
        self._refusals[likeness] = event if known is None else evolve(known, count=known.count + 1)

    async def sweep(self) -> None:
        """Do what is due; it is called by itself."""
        self._sweeps += 1
        if self._sweeps % REFUSAL_SWEEPS == 0:
            self._gather()
        await complete(self._append())
        if self._sweeps % CUT_SWEEPS == 0 and not self.is_failing:
            await self._look_after()

    def _gather(self) -> None:
        refusals, self._refusals, self._of_client = self._refusals, {}, {}
        for event in refusals.values():
            self.note(event)

    async def _look_after(self) -> None:
        try:
            await complete(self._log.tidy())
            if self._keep is not None:
                before = self._now() - self._keep
                while await complete(self._log.cut(before, MAX_TOGETHER)):
                    pass
        except Exception as problem:  # noqa: BLE001  # whatever it is, the next sweep has to happen
            _log.warn(
                "the audit is not looked after, old entries may still be there: {problem}",
                problem=str(problem),
            )

    def _begin(self) -> None:
        """Append, unless that is under way, or waits for the log to recover."""
        if self._appending is None and not self.is_failing:
            Deferred.fromCoroutine(self._append())

    async def _append(self) -> None:
        """Append all that is owed; those who come meanwhile are in the next step."""
        if self._appending is not None:
            ended: Deferred[None] = Deferred()
            self._appending.chainDeferred(ended)
            await ended
            return
        self._appending = Deferred()
        try:
            while self._owed and await self._append_some():
                pass
        finally:
            ended, self._appending = self._appending, None
            ended.callback(None)

    async def _append_some(self) -> bool:
        some = [*islice(self._owed, MAX_TOGETHER)]
        try:
            await self._log.append([event for event, _ in some])
        except Exception as problem:  # noqa: BLE001  # whatever it is, whoever waits has to know
            self._fail(problem)
            return False
        if self.is_failing:
            self.is_failing = False
            _log.info("the audit takes entries again")
        for _ in some:
            _, done = self._owed.popleft()
            if not done.called:
                done.callback(None)
        return True

    def _fail(self, problem: Exception) -> None:
        """All who wait are told; their events are kept."""
        if not self.is_failing:
            self.is_failing = True
            _log.error("the audit takes no entries, so nothing can be changed: {problem}", problem=str(problem))
        for _, done in [*self._owed]:
            if not done.called:
                done.errback(audit_failed())
