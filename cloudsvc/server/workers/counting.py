"""Counts of all workers, as one of them is asked for the metrics of the server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.sharing import SharedQuestion
from cloudsvc.observe.merging import Ended, Family
from cloudsvc.observe.metrics import Exposition, expose_merged
from cloudsvc.observe.worker_metrics import SupervisorMetrics
from cloudsvc.server.control.messages import Collect, Counts, Message

_SECONDS: Final = 2.0
"""For which workers are waited for. Of one that does not answer, what it has said last counts."""


class Counted(Protocol):
    """A worker, as far as it is asked for its counts."""

    def send(self, message: Message) -> None: ...


@define(eq=False)
class Counting:
    """
    Asks all workers for what they have counted, and remembers what those had counted that have ended.

    What was told once is never forgotten: so nothing that is exposed goes backwards, however a worker ends.

    :ivar metrics: of the supervisor itself.
    """

    _clock: IReactorTime
    metrics: SupervisorMetrics
    _latest: dict[Counted, list[Family]] = field(factory=dict)  # of the workers that live
    _ended: Ended = field(factory=Ended)
    _awaited: set[Counted] = field(factory=set)
    _number: int = 0
    _all: Deferred[None] | None = None
    _question: SharedQuestion[Exposition] = field(init=False)

    @_question.default
    def _make_question(self) -> SharedQuestion[Exposition]:
        return SharedQuestion(self._collect)

    def begin(self, worker: Counted) -> None:
        """From now on ``worker`` is asked."""
        self._latest[worker] = []

    def end(self, worker: Counted) -> None:
        """``worker`` has ended."""
        self._ended.add(self._latest.pop(worker, []))
        self._cease_to_await(worker)

    def note(self, worker: Counted, counts: Counts) -> None:
        """What ``worker`` has counted so far."""
        if worker in self._latest:
            self._latest[worker] = counts.families
        if counts.number == self._number:
            self._cease_to_await(worker)

    async def expose(self) -> Exposition:
        """The metrics of the server now. Whoever asks at the same time gets the same."""
        return await self._question.ask()

    async def _collect(self) -> Exposition:
        self._number += 1
        self._awaited = {*self._latest}
        if self._awaited:
            everybody: Deferred[None] = Deferred()
            self._all = everybody
            late = self._clock.callLater(_SECONDS, self._go_on)
            _tell(self._awaited, Collect(self._number))
            await everybody
            if late.active():
                late.cancel()
        return expose_merged([*self._latest.values(), self.metrics.read()], self._ended)

    def _cease_to_await(self, worker: Counted) -> None:
        if worker in self._awaited:
            self._awaited.discard(worker)
            if not self._awaited:
                self._go_on()

    def _go_on(self) -> None:
        everybody, self._all = self._all, None
        if everybody is not None:
            everybody.callback(None)


def _tell(workers: Iterable[Counted], message: Message) -> None:
    for worker in workers:
        worker.send(message)
