"""Process supervision: signals, and the notifications of systemd."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Final, Protocol

from attrs import frozen
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

_log = Logger("cloudsvc.server.supervisor")

_ABSTRACT: Final = "@"


@frozen(kw_only=True)
class Signals:
    """
    What to do on which signal.

    Twisted's own handling of SIGTERM re-raises it after the shutdown, which makes the exit status 143. A server that
    was asked to stop and has stopped in good order has succeeded: ours stops the reactor, and the status is 0. SIGINT,
    which is Ctrl-C, is treated alike.
    """

    terminate: Callable[[], None]
    reload: Callable[[], None]

    def install(self, reactor: IReactorFromThreads) -> None:
        """
        Handle SIGTERM, SIGINT and SIGHUP from now on.

        Call it once the reactor runs, or it puts its own handlers over these.
        """

        def handle(function: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
            # A handler runs between any two instructions; the reactor runs the function at a time of its own.
            return lambda _number, _frame: reactor.callFromThread(function)

        signal.signal(signal.SIGTERM, handle(self.terminate))
        signal.signal(signal.SIGINT, handle(self.terminate))
        signal.signal(signal.SIGHUP, handle(self.reload))


class Manager(Protocol):
    """
    Who wants to know how a server does: systemd, or the supervisor of several workers.

    :ivar patience: seconds after which a silent server counts as dead, or ``None``.
    """

    @property
    def patience(self) -> float | None: ...

    def ready(self) -> None:
        """Requests are answered."""

    def reloading(self) -> None:
        """A reload has begun; :meth:`ready` ends it."""

    def alive(self) -> None:
        """The reactor still turns."""

    def stopping(self) -> None:
        """The service goes down."""

    async def drained(self) -> None:
        """No request is answered any more."""


@frozen(kw_only=True)
class Notifier:
    """
    A :class:`Manager` that is systemd, and is told how far the service is (sd_notify(3)).

    :ivar address: of the socket in ``NOTIFY_SOCKET``, or ``""`` where nobody listens.
    :ivar patience: seconds after which systemd takes a silent service for dead (sd_watchdog_enabled(3)), or ``None``.
    """

    address: str
    patience: float | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Notifier:
        """The notifier that the environment names."""
        microseconds = environ.get("WATCHDOG_USEC", "")
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return cls(
            address=environ.get("NOTIFY_SOCKET", ""),
            patience=int(microseconds) / 1_000_000 if ours and microseconds.isdecimal() else None,
        )

    def ready(self) -> None:
        """Requests are answered."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A reload has begun; :meth:`ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def alive(self) -> None:
        """The reactor still turns."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The service goes down."""
        self._send("STOPPING=1")

    async def drained(self) -> None:
        """No request is answered any more, of which systemd wants to know nothing."""

    def _send(self, state: str) -> None:
        if not self.address:
            return
        address = f"\0{self.address[1:]}" if self.address.startswith(_ABSTRACT) else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.sendto(state.encode(), address)
        except OSError as problem:
            _log.warn("cannot notify systemd: {problem}", problem=str(problem))
