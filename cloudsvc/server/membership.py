"""Membership of a worker: what its parts know of the supervisor and of the other workers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from attrs import define, field
from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004  # Deferred.addTimeout raises it
from twisted.internet.interfaces import IReactorTime

from cloudsvc.access.throttling import SharedWindowStore
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.reactors import IReactor
from cloudsvc.listen.inheriting import InheritedPort
from cloudsvc.observe.merging import Family
from cloudsvc.observe.metrics import Exposition, Metrics
from cloudsvc.server.control.connection import ControlConnection, connect
from cloudsvc.server.control.messages import Alive, Answer, Ask, Collect, Counts, Crew, Noted, Orders, Ready, Retire
from cloudsvc.web.http1.elsewhere import OtherWorkers

_ANSWER_SECONDS: Final = 5.0
"""For which the supervisor is waited for; it waits for a worker that hangs less long."""


@define(eq=False)
class Membership:
    """
    A worker among others. To its service it is what systemd is to a server without workers.

    :ivar orders: of the supervisor.
    """

    orders: Orders
    _ports: Sequence[InheritedPort] = ()
    _retire: Callable[[], object] = lambda: None  # until there is a service that could
    _read: Callable[[], list[Family]] = list
    _clock: IReactorTime | None = None
    _ready_workers: int = 0
    _questions: dict[int, Deferred[Exposition]] = field(factory=dict)  # no more than requests for metrics
    _asked: int = 0
    _noted: Deferred[None] = field(factory=Deferred)
    _connection: ControlConnection = field(init=False)

    @_connection.default
    def _make_connection(self) -> ControlConnection:
        # A supervisor that has gone is noticed elsewhere, also where the reactor hangs.
        return ControlConnection(self._receive, lambda: None)

    @property
    def number(self) -> int:
        """Of this worker, from 1."""
        return self.orders.number

    @property
    def workers(self) -> int:
        """How many there are to be."""
        return self.orders.workers

    @property
    def patience(self) -> float:
        """As of :class:`cloudsvc.server.supervisor.Notifier`."""
        return self.orders.patience

    def open_windows(self) -> SharedWindowStore:
        """Where all workers count requests; whoever opens it closes it, once."""
        return SharedWindowStore.open(self.orders.windows, self.orders.key, time.time)

    def open_counts(self) -> OtherWorkers:
        """Where all workers tell how many connections they have open."""
        orders = self.orders
        return OtherWorkers.open(orders.connections, orders.key, orders.place, orders.places)

    def connect(self, reactor: IReactor, end: socket.socket) -> None:
        """Speak over ``end``, which is taken."""
        self._clock = reactor
        connect(reactor, end, self._connection)  # type: ignore[arg-type]  # every reactor here adopts sockets

    def watch(self, ports: Sequence[InheritedPort], retire: Callable[[], object]) -> None:
        """
        Have ``ports`` cover those of workers that cannot accept.

        :param retire: makes this worker end without its clients noticing.
        """
        self._ports = ports
        self._retire = retire

    def count_by(self, metrics: Metrics) -> None:
        """Give the supervisor what ``metrics`` have counted, and let them know of the other workers."""
        self._read = metrics.read
        metrics.workers.watch(self.workers, self.count_ready)

    def count_ready(self) -> int:
        """How many workers answer requests, as far as is known here."""
        return self._ready_workers

    async def expose(self) -> Exposition:
        """
        The metrics of all workers.

        :raises CloudError: the supervisor does not answer. Those of this worker alone would look as if all had been
            started anew.
        """
        self._asked += 1
        number = self._asked
        answer: Deferred[Exposition] = Deferred()
        if self._clock is not None:
            answer.addTimeout(_ANSWER_SECONDS, self._clock)
        self._questions[number] = answer
        self._connection.send(Ask(number))
        try:
            return await answer
        except TimeoutError:
            raise CloudError(
                Kind.UNAVAILABLE,
                "metrics_unavailable",
                "The metrics cannot be had now. Try again later.",
            ) from None
        finally:
            del self._questions[number]

    def ready(self) -> None:
        """Requests are answered."""
        self._connection.send(Ready())

    def reloading(self) -> None:
        """A reload has begun, which the supervisor knows."""

    def alive(self) -> None:
        """The reactor turns."""
        self._connection.send(Alive())

    def stopping(self) -> None:
        """The worker goes down: it covers nobody any more."""
        self._ports = ()

    async def drained(self) -> None:
        """Nothing more is counted: see that the supervisor knows what was, for a while at most."""
        if self._clock is not None:
            self._noted.addTimeout(_ANSWER_SECONDS, self._clock)
        self._connection.send(Counts(0, self._read()))
        with suppress(TimeoutError):
            await self._noted

    def _receive(self, message: Any) -> None:
        if isinstance(message, Crew):
            self._ready_workers = message.ready
            for port in self._ports:
                port.cover(message.covered)
        elif isinstance(message, Retire):
            self._retire()
        elif isinstance(message, Collect):
            self._connection.send(Counts(message.number, self._read()))
        elif isinstance(message, Noted) and not self._noted.called:
            self._noted.callback(None)
        elif isinstance(message, Answer) and message.number in self._questions:
            self._questions[message.number].callback(Exposition(content_type=message.content_type, body=message.body))
