"""Membership of a worker: what its parts know of the supervisor and of the other workers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field

from cloudsvc.access.throttling import SharedWindowStore
from cloudsvc.core.reactors import IReactor
from cloudsvc.listen.inheriting import InheritedPort
from cloudsvc.server.control.connection import ControlConnection, connect
from cloudsvc.server.control.messages import Alive, Crew, Orders, Ready, Retire


@define(eq=False)
class Membership:
    """
    A worker among others. To its service it is what systemd is to a server without workers.

    :ivar orders: of the supervisor.
    :ivar ready_workers: how many workers answer requests, as far as is known here.
    """

    orders: Orders
    ready_workers: int = 0
    _ports: Sequence[InheritedPort] = ()
    _retire: Callable[[], object] = lambda: None  # until there is a service that could
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

    def connect(self, reactor: IReactor, end: socket.socket) -> None:
        """Speak over ``end``, which is taken."""
        connect(reactor, end, self._connection)  # type: ignore[arg-type]  # every reactor here adopts sockets

    def watch(self, ports: Sequence[InheritedPort], retire: Callable[[], object]) -> None:
        """
        Have ``ports`` cover those of workers that cannot accept.

        :param retire: makes this worker end without its clients noticing.
        """
        self._ports = ports
        self._retire = retire

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

    def _receive(self, message: Any) -> None:
        if isinstance(message, Crew):
            self.ready_workers = message.ready
            for port in self._ports:
                port.cover(message.covered)
        elif isinstance(message, Retire):
            self._retire()
