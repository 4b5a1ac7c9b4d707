"""
Supervision of workers: they are started, replaced when they die, and replaced one after the other when told to.

While a worker cannot accept, the others do so from its sockets, so that nobody waits for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

from attrs import frozen
from msgspec.structs import replace
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import LoopingCall
from twisted.logger import ILogObserver, Logger

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.reactors import IReactor
from cloudsvc.listen.sharing import SharedAddress, close_all
from cloudsvc.listen.sockets import take_over
from cloudsvc.observe.files import LinesLost, Target
from cloudsvc.observe.logs import LogWriter
from cloudsvc.server.control.messages import Answer, Ask, Counts, Crew, Noted, Orders, Retire
from cloudsvc.server.service import LATE_SECONDS, RETIRE_SECONDS, give_up
from cloudsvc.server.supervisor import Notifier, Signals
from cloudsvc.server.workers.counting import Counting
from cloudsvc.server.workers.process import Worker
from cloudsvc.server.workers.slots import GIVE_UP, Slot
from cloudsvc.web.http1.elsewhere import clear_place

_CHECKS: Final = 4
"""How often it is looked whether a worker has said something, in the time after which it counts as hanging."""

_KILL_SECONDS: Final = 5.0
"""After the time that a worker takes to end by itself at most."""

_log = Logger("cloudsvc.workers")


@frozen(kw_only=True)
class SupervisorParts:
    """
    What supervision takes.

    :ivar orders: for every worker; the number and the sockets are filled in for each.
    :ivar check: raises :exc:`OperatorError` where workers could not start with the configuration as it is now.
    :ivar counting: knows what all workers have counted.
    :ivar console: where what workers print goes, if anywhere.
    :ivar drain_seconds: how long running requests may take once a worker is to stop.
    :ivar unready_seconds: how long all workers go on before that, and say that they are not ready.
    """

    reactor: IReactor
    addresses: Sequence[SharedAddress]
    orders: Orders
    check: Callable[[], object]
    console: Target | None
    counting: Counting
    writer: LogWriter
    observer: ILogObserver
    notifier: Notifier
    drain_seconds: float
    unready_seconds: float


class Supervisor(Service):
    """The server where it has several workers."""

    def __init__(self, parts: SupervisorParts) -> None:
        self._parts = parts
        self._slots = [Slot(number) for number in range(1, parts.orders.workers + 1)]
        self._living: dict[Worker, None] = {}  # two for each slot at most: the next round waits for the one before
        self._places = [*range(parts.orders.places)]
        self._lifeline = os.pipe()
        self._checks: LoopingCall | None = None
        self._is_stopping = False
        self._is_told = False
        self._is_replacing = False
        self._replace_again = False

    @property
    def log_observer(self) -> ILogObserver:
        """Where events of :mod:`twisted.logger` become lines of the server's log."""
        return self._parts.observer

    def startService(self) -> None:
        """Start the first worker, and when that is ready the others."""
        super().startService()
        parts = self._parts
        take_over([each.port for each in parts.addresses])
        parts.writer.start()
        self._checks = LoopingCall(self._check_silence)
        self._checks.clock = parts.reactor
        self._checks.start(parts.orders.patience / _CHECKS, now=False)
        parts.reactor.callWhenRunning(self._run)

    def stopService(self) -> Deferred[None]:
        """Stop all workers, each in good order."""
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    def _run(self) -> None:
        Signals(terminate=self._terminate, reload=self._reload).install(self._parts.reactor)
        _log.info("starting {count} workers", count=len(self._slots))
        Deferred.fromCoroutine(self._open()).addErrback(self._report)

    async def _open(self) -> None:
        first, *others = self._slots
        # One alone: it may have tables to bring up to date, and what keeps it from starting keeps all of them.
        worker = self._start(first)
        if worker is None or not await worker.outcome:
            if not self._is_stopping:
                complaints = [] if worker is None else worker.complaints
                said = [line.removeprefix("cloudsvc: ") for line in complaints if line.startswith("cloudsvc: ")]
                give_up(self._parts.reactor, said or ["no worker can be started; the log says why"])
            return
        for slot in others:
            self._start(slot)

    def _start(self, slot: Slot) -> Worker | None:
        slot.again = None
        slot.current = self._spawn(slot.number)
        if slot.current is None:
            self._start_again(slot, 0.0)
        return slot.current

    def _spawn(self, number: int) -> Worker | None:
        """A new process, or none where the system gives none."""
        parts = self._parts
        worker = Worker(number, self._places.pop(), parts.reactor.seconds(), self)
        self._living[worker] = None
        orders = replace(parts.orders, number=number, place=worker.place)
        try:
            worker.start(parts.reactor, orders, lifeline=self._lifeline[0])
        except OSError as problem:
            _log.error("worker {number} cannot be started: {reason}", number=number, reason=str(problem))
            self._forget(worker)
            return None
        _log.info("started worker {number}, process {pid}", number=number, pid=worker.pid)
        return worker

    # ---------------------------------------------------------------- what workers tell

    def on_ready(self, worker: Worker) -> None:
        """It answers requests."""
        self._parts.counting.begin(worker)
        self._tell_crew()
        if not self._is_told and not self._is_stopping:
            self._is_told = True
            self._parts.notifier.ready()

    def on_output(self, worker: Worker, lines: bytes) -> None:
        """It has printed something."""
        if self._parts.console is not None:
            try:
                self._parts.console.write(lines)
            except LinesLost as problem:  # they stand in the log file all the same
                self._parts.counting.metrics.log_lines_dropped.inc(problem.lines)

    def on_complaint(self, worker: Worker, line: str) -> None:
        """It has printed something on standard error."""
        _log.warn("worker {number}: {line}", number=worker.number, line=line)

    def on_message(self, worker: Worker, message: Any) -> None:
        """It has counted something, or wants to know what all have counted."""
        counting = self._parts.counting
        if isinstance(message, Counts):
            counting.note(worker, message)
            if not message.number:
                worker.send(Noted())
        elif isinstance(message, Ask):
            Deferred.fromCoroutine(self._answer(worker, message.number)).addErrback(self._log_failure)

    async def _answer(self, worker: Worker, number: int) -> None:
        exposition = await self._parts.counting.expose()
        worker.send(Answer(number, exposition.content_type, exposition.body))

    def on_end(self, worker: Worker, reason: str) -> None:
        """It has ended: where nobody wanted that, another takes its place."""
        self._forget(worker)
        self._parts.counting.end(worker)
        slot = self._slots[worker.number - 1]
        if worker.is_retired or self._is_stopping:
            _log.info("worker {number} has ended", number=worker.number)
            return
        _log.error("worker {number} has ended with {reason}", number=worker.number, reason=reason)
        self._parts.counting.metrics.deaths.inc()
        if slot.current is worker:
            slot.current = None
            self._tell_crew()
            if slot.candidate is None and self._is_told:
                self._start_again(slot, self._parts.reactor.seconds() - worker.started_at)

    def _forget(self, worker: Worker) -> None:
        del self._living[worker]
        clear_place(self._parts.orders.connections, worker.place)
        self._places.append(worker.place)

    def _start_again(self, slot: Slot, lived: float) -> None:
        pause = slot.note_death(lived)
        if slot.deaths >= GIVE_UP and not any(each.is_ready for each in self._slots):
            line = f"worker {slot.number} has died {slot.deaths} times right after its start; the log says more"
            give_up(self._parts.reactor, [line])
        else:
            slot.again = self._parts.reactor.callLater(pause, self._start, slot)

    def _tell_crew(self) -> None:
        crew = Crew(
            ready=sum(slot.is_ready for slot in self._slots),
            covered=tuple(place for place, slot in enumerate(self._slots) if not slot.is_ready),
        )
        for worker in self._living:
            if worker.is_ready and not worker.is_retired:
                worker.send(crew)

    def _check_silence(self) -> None:
        """End whoever has said nothing for long. Each check counts as one, however long this machine slept before."""
        self._parts.notifier.alive()
        for worker in self._living:
            worker.silence += 1
            if worker.silence > _CHECKS:
                _log.error("worker {number} does not answer any more: it is killed", number=worker.number)
                worker.signal("KILL")

    # ---------------------------------------------------------------- what the operator wants

    def _terminate(self) -> None:
        """Stop the reactor, and with it this service; asked again, let nobody take time for it."""
        try:
            self._parts.reactor.stop()
        except ReactorNotRunning:
            for worker in self._living:
                worker.signal("TERM")

    def _reload(self) -> None:
        """Have files read anew at once, and then each worker replaced."""
        self._parts.writer.reopen()
        for worker in self._living:
            if worker.is_ready:
                worker.signal("HUP")
        if not self._is_told:
            return
        if self._is_replacing:
            self._replace_again = True
        else:
            self._is_replacing = True
            Deferred.fromCoroutine(self._replace_all()).addErrback(self._report)

    async def _replace_all(self) -> None:
        notifier = self._parts.notifier
        try:
            while not self._is_stopping:
                self._replace_again = False
                notifier.reloading()
                former = [*self._living]
                await self._replace_each()
                if not self._is_stopping:
                    notifier.ready()
                # Those who let their clients go take their time; but there are never more of them than workers.
                await DeferredList([each.ended for each in former if each.is_retired])
                if not self._replace_again:
                    break
        finally:
            self._is_replacing = False

    async def _replace_each(self) -> None:
        try:
            self._parts.check()
        except OperatorError as fault:
            for line in fault.lines:
                _log.error("{line}", line=line)
            _log.error("the workers are not replaced: put the configuration right and send SIGHUP again")
            return
        for slot in self._slots:
            if self._is_stopping:
                return
            if not await self._replace(slot):
                self._tell_failure(slot)
                return

    def _tell_failure(self, slot: Slot) -> None:
        if not self._is_stopping:
            _log.error(
                "worker {number} cannot be replaced: the present ones go on; put it right and send SIGHUP again",
                number=slot.number,
            )

    async def _replace(self, slot: Slot) -> bool:
        """Whether there is a new worker in ``slot``. The former one lets its clients go by and by."""
        slot.cancel()
        slot.candidate = candidate = self._spawn(slot.number)
        is_ready = candidate is not None and await candidate.outcome
        slot.candidate = None
        if not is_ready:
            if slot.current is None and not self._is_stopping:
                self._start_again(slot, 0.0)
            return False
        former, slot.current = slot.current, candidate
        slot.deaths = 0
        self._tell_crew()
        if former is not None:
            self._retire(former)
        return True

    def _retire(self, worker: Worker) -> None:
        worker.is_retired = True
        worker.send(Retire())
        self._kill_after(RETIRE_SECONDS + self._parts.drain_seconds + LATE_SECONDS + _KILL_SECONDS, worker)

    def _kill_after(self, seconds: float, worker: Worker) -> None:
        late = self._parts.reactor.callLater(seconds, worker.signal, "KILL")
        worker.ended.addCallback(lambda _: late.cancel() if late.active() else None)

    async def _close(self) -> None:
        parts = self._parts
        self._is_stopping = True
        parts.notifier.stopping()
        _log.info("stopping {count} workers", count=len(self._living))
        for slot in self._slots:
            slot.cancel()
        await DeferredList(close_all(parts.addresses))
        for worker in [*self._living]:
            worker.signal("TERM")
            self._kill_after(parts.unready_seconds + parts.drain_seconds + LATE_SECONDS + _KILL_SECONDS, worker)
        await DeferredList([worker.ended for worker in self._living])
        if self._checks is not None:
            self._checks.stop()
        for descriptor in (*self._lifeline, parts.orders.windows, parts.orders.connections):
            os.close(descriptor)
        _log.info("stopped")
        parts.writer.stop()

    def _log_failure(self, failure: Any) -> None:
        _log.failure("the metrics of all workers cannot be given", failure)

    def _report(self, failure: Any) -> None:
        _log.failure("supervision has failed", failure)
        give_up(self._parts.reactor, ["supervision has failed; the log says more"])
