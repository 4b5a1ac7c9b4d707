"""Worker as the supervisor sees it: a process, its control connection, and what it prints."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Final, Protocol

from attrs import define, field
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from cloudsvc.core.reactors import IReactor
from cloudsvc.server.control.connection import ControlConnection, connect
from cloudsvc.server.control.messages import Message, Orders, Ready

_FIRST: Final = 3
"""The first descriptor beyond the standard ones, where those of systemd begin (sd_listen_fds(3))."""

_LINES: Final = 20
"""The last lines on standard error that are kept, for whoever asks why a worker has not started."""

_LINE: Final = 2**16
"""Bytes of a line; the rest of a longer one counts as the next."""

_OWN: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "PYTHONPATH")
"""Variables that are meant for the supervisor."""


class Observer(Protocol):
    """What wants to know how a worker does."""

    def on_ready(self, worker: Worker) -> None:
        """It answers requests."""

    def on_output(self, worker: Worker, lines: bytes) -> None:
        """It has written whole lines to standard output."""

    def on_complaint(self, worker: Worker, line: str) -> None:
        """It has written a line to standard error."""

    def on_message(self, worker: Worker, message: Any) -> None:
        """It has said something else."""

    def on_end(self, worker: Worker, reason: str) -> None:
        """It has ended."""


@define(eq=False)
class Worker(ProcessProtocol):
    """
    One process.

    :ivar number: its place, from 1; the process that replaces it has the same.
    :ivar place: in the memory in which workers tell how many connections they have open.
    :ivar started_at: seconds on the clock of the reactor.
    :ivar is_ready: whether it answers requests.
    :ivar is_retired: whether it was told to let its clients go and end.
    :ivar silence: how often in a row it was found to have said nothing.
    :ivar outcome: fires once it is ready or has ended, with whether it is ready.
    :ivar ended: fires once it has ended.
    :ivar complaints: its last lines on standard error.
    """

    number: int
    place: int
    started_at: float
    _observer: Observer
    is_ready: bool = False
    is_retired: bool = False
    silence: int = 0
    outcome: Deferred[bool] = field(factory=Deferred)
    ended: Deferred[None] = field(factory=Deferred)
    complaints: deque[str] = field(factory=lambda: deque(maxlen=_LINES))
    _control: ControlConnection = field(init=False)
    _output: bytes = b""
    _errors: bytes = b""
    _pid: int = 0
    transport: IProcessTransport | None = None

    @_control.default
    def _make_control(self) -> ControlConnection:
        return ControlConnection(self._receive, lambda: None)

    def start(self, reactor: IReactor, orders: Orders, *, lifeline: int) -> None:
        """
        Start the process.

        :param orders: with descriptors of this process.
        :param lifeline: the end of a pipe from which nothing comes as long as this process lives.
        :raises OSError: the system gives no process.
        """
        with ExitStack() as stack:
            ours, theirs = (stack.enter_context(end) for end in socket.socketpair())
            null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            stack.callback(os.close, null)
            # Whoever parses a description of systemd's sockets closes those numbers.
            given = [null] * _count_passed(os.environ)
            control = _FIRST + len(given)
            windows, connections = control + 2, control + 3
            sockets, descriptors = _renumber(orders.sockets, connections + 1)
            passed = [*given, theirs.fileno(), lifeline, orders.windows, orders.connections, *descriptors]
            reactor.spawnProcess(
                self,
                sys.executable,
                [sys.executable, "-P", "-m", __package__, str(self.number), str(control), str(control + 1)],
                env=_compose_environment(os.environ),
                childFDs={
                    0: null,
                    1: "r",
                    2: "r",
                    **dict(enumerate(passed, _FIRST)),
                },
            )
            connect(reactor, ours.dup(), self._control)  # type: ignore[arg-type]  # every reactor here adopts sockets
            self._control.send(replace(orders, sockets=sockets, windows=windows, connections=connections))

    @property
    def pid(self) -> int:
        """Of the process, once it was started."""
        return self._pid

    def send(self, message: Message) -> None:
        """Say something to it."""
        self._control.send(message)

    def signal(self, name: str) -> None:
        """Send it a signal, unless it has ended."""
        if self.transport is not None:
            with suppress(ProcessExitedAlready):
                self.transport.signalProcess(name)

    def _receive(self, message: Any) -> None:
        self.silence = 0
        if isinstance(message, Ready):
            self.is_ready = True
            self._observer.on_ready(self)
            if not self.outcome.called:
                self.outcome.callback(True)  # noqa: FBT003  # the answer to a question
        else:
            self._observer.on_message(self, message)

    def connectionMade(self) -> None:
        """It runs."""
        if self.transport is not None:
            self._pid = self.transport.pid

    def outReceived(self, data: bytes) -> None:
        """Lines for the console."""
        whole, self._output = _take_lines(self._output + data)
        if whole:
            self._observer.on_output(self, whole)

    def errReceived(self, data: bytes) -> None:
        """Lines that are no log: complaints of the interpreter, or why it cannot start."""
        whole, self._errors = _take_lines(self._errors + data)
        for line in whole.decode("utf-8", "backslashreplace").splitlines():
            self.complaints.append(line)
            self._observer.on_complaint(self, line)

    def processEnded(self, reason: Failure) -> None:
        """It has ended, and nothing more comes from it."""
        self.is_ready = False
        for rest, receive in ((self._output, self.outReceived), (self._errors, self.errReceived)):
            if rest:
                receive(b"\n")
        self._end_descendants()
        if self._control.transport is not None:
            self._control.transport.loseConnection()
        self._observer.on_end(self, _describe(reason))
        if not self.outcome.called:
            self.outcome.callback(False)  # noqa: FBT003  # as above
        self.ended.callback(None)

    def _end_descendants(self) -> None:
        """What it has started and not ended, such as a process for a thumbnail, is in its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        # In a container this process is the first, and gets the orphans of others.
        with suppress(ChildProcessError):
            while os.waitpid(-self._pid, os.WNOHANG)[0]:
                pass


def _count_passed(environ: Mapping[str, str]) -> int:
    """How many sockets systemd has passed to this process; Twisted takes their number away, and leaves their names."""
    return len([name for name in environ.get("LISTEN_FDNAMES", "").split(":") if name])


def _renumber(sockets: Sequence[Sequence[int]], first: int) -> tuple[tuple[tuple[int, ...], ...], list[int]]:
    """The same ``sockets`` numbered from ``first`` on, and the present number of each."""
    numbered: list[tuple[int, ...]] = []
    present: list[int] = []
    for together in sockets:
        numbered.append(tuple(range(first + len(present), first + len(present) + len(together))))
        present += together
    return tuple(numbered), present


def _compose_environment(environ: Mapping[str, str]) -> dict[str, str]:
    # Modules are to be found where the host program finds them, which adds its current directory.
    kept = {name: value for name, value in environ.items() if name not in _OWN}
    added = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LISTEN_FDS": str(_count_passed(environ))}
    return kept | added


def _take_lines(data: bytes) -> tuple[bytes, bytes]:
    end = data.rfind(b"\n") + 1
    if not end and len(data) > _LINE:
        return data + b"\n", b""
    return data[:end], data[end:]


def _describe(reason: Failure) -> str:
    status: int | None = getattr(reason.value, "exitCode", None)
    number: int | None = getattr(reason.value, "signal", None)
    return f"status {status}" if number is None else signal.Signals(number).name
