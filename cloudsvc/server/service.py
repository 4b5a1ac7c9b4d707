"""Server lifecycle: start in order, stop in order, with accepted work finished and lent resources returned."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from threading import Timer
from typing import Any, Final, ParamSpec, Protocol

from attrs import frozen
from twisted.application.service import IService, Service
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IListeningPort
from twisted.logger import ILogObserver, Logger
from twisted.python.failure import Failure

from cloudsvc.access.reloading import ReloadingKeys
from cloudsvc.access.throttling import RateLimitStore
from cloudsvc.core.draining import Draining
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.reactors import IReactor
from cloudsvc.core.threads import WorkerThreads
from cloudsvc.listen.sockets import take_over
from cloudsvc.observe.health import Health
from cloudsvc.observe.logs import LogWriter, StandardLibraryHandler
from cloudsvc.server.supervisor import Manager, Signals
from cloudsvc.tls.reloading import ReloadingCertificate
from cloudsvc.web.http1.connections import Connections

LATE_SECONDS: Final = 10.0
"""After the time for running requests, until a server that still has not stopped ends all the same."""

RETIRE_SECONDS: Final = 10.0
"""
For which a worker that is replaced still answers on its connections, the last time on each: whoever sends requests all
the time has sent one by then, and nobody writes on a connection that is closed just then.
"""

P = ParamSpec("P")

_log = Logger("cloudsvc.service")


class Startable(Protocol):
    """What starts before any request arrives, and stops after the last one."""

    @property
    def name(self) -> str:
        """What the log and operators call it."""
        ...

    async def start(self) -> None:
        """Get ready, or say why not."""

    async def stop(self) -> None:
        """Let go of everything. It is called where :meth:`start` has returned."""


@frozen(kw_only=True)
class Parts:
    """
    What a server is made of, ready to start.

    :ivar draining: tells streams without an end that they have to.
    :ivar startables: start and stop in this order: what applications need, then they themselves.
    :ivar certificate: ``None`` where no endpoint has this server's TLS.
    :ivar ports: bound; they accept nothing until every application has started.
    :ivar helpers: services that run as long as the server does.
    :ivar drain_seconds: how long running requests may take once the server is to stop.
    :ivar unready_seconds: how long it goes on before that, and says that it is not ready.
    """

    reactor: IReactor
    ports: Sequence[IListeningPort]
    connections: Connections
    draining: Draining
    startables: Sequence[Startable]
    certificate: ReloadingCertificate | None
    keys: ReloadingKeys
    store: RateLimitStore
    helpers: Sequence[IService]
    health: Health
    threads: Sequence[WorkerThreads]
    writer: LogWriter
    observer: ILogObserver
    notifier: Manager
    drain_seconds: float
    unready_seconds: float


class CloudService(Service):
    """The running server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._handler = StandardLibraryHandler()
        self._started: list[Startable] = []
        self._opening: Deferred[None] = succeed(None)
        self._is_retiring = False
        self._unready: Deferred[None] = succeed(None)

    @property
    def log_observer(self) -> ILogObserver:
        """Where events of :mod:`twisted.logger` become lines of the server's log."""
        return self._parts.observer

    @property
    def ports(self) -> Sequence[IListeningPort]:
        """The bound ports, in the order of the endpoint descriptions."""
        return self._parts.ports

    def startService(self) -> None:
        """Start everything; requests are answered once all applications are ready."""
        super().startService()
        parts = self._parts
        take_over(parts.ports)
        for port in parts.ports:
            port.stopReading()  # type: ignore[attr-defined]  # every kind of port that binds at once has it
        parts.writer.start()
        logging.getLogger().addHandler(self._handler)
        for threads in parts.threads:
            threads.start()
        parts.connections.start()
        for helper in parts.helpers:
            helper.startService()
        parts.reactor.callWhenRunning(self._run)

    def stopService(self) -> Deferred[None]:
        """Refuse what is new, finish what runs, then let go of everything."""
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    def retire(self) -> None:
        """
        Let every client go with its next answer, and then stop, where another process accepts at the same addresses.
        """
        if not self._is_retiring:
            self._is_retiring = True
            Deferred.fromCoroutine(self._retire())

    async def _retire(self) -> None:
        parts = self._parts
        _log.info("retiring: {count} connections are open", count=len(parts.connections))
        for port in parts.ports:
            await _stop(f"the port {port.getHost()}", port.stopListening)
        await parts.connections.wind_down(RETIRE_SECONDS)
        self._terminate()

    def _run(self) -> None:
        Signals(terminate=self._terminate, reload=self._reload).install(self._parts.reactor)
        self._opening = Deferred.fromCoroutine(self._open()).addErrback(self._give_up)

    async def _open(self) -> None:
        for startable in self._parts.startables:
            await _start(startable)
            self._started.append(startable)
        for port in self._parts.ports:
            port.startReading()  # type: ignore[attr-defined]  # as above
            _log.info("listening on {address}", address=port.getHost())
        self._parts.health.ready = True
        self._parts.notifier.ready()

    async def _close(self) -> None:
        parts = self._parts
        was_ready, parts.health.ready = parts.health.ready, False
        late = _end_after(parts.unready_seconds + parts.drain_seconds + LATE_SECONDS)
        if was_ready and parts.unready_seconds and not self._is_retiring:
            await self._let_others_take_over()
        parts.notifier.stopping()
        parts.draining.begin()
        self._opening.cancel()
        _log.info("stopping: {count} connections are open", count=len(parts.connections))
        for port in parts.ports:
            await _stop(f"the port {port.getHost()}", port.stopListening)
        await _stop("the connections", parts.connections.drain, parts.drain_seconds)
        await _stop("the last counts", parts.notifier.drained)
        for startable in reversed(self._started):
            await _stop(startable.name, startable.stop)
        for helper in reversed(parts.helpers):
            await _stop(type(helper).__name__, helper.stopService)
        parts.connections.stop()
        await _stop("the rate-limit store", parts.store.close)
        for threads in parts.threads:
            threads.stop()
        _log.info("stopped")
        logging.getLogger().removeHandler(self._handler)
        parts.writer.stop()
        late.cancel()

    async def _let_others_take_over(self) -> None:
        """Answer until load balancers have noticed that it is not ready; each client goes with its next answer."""
        parts = self._parts
        _log.info("not ready any more: stopping in {seconds} s", seconds=parts.unready_seconds)
        parts.connections.draining = True
        self._unready = Deferred()
        timer = parts.reactor.callLater(parts.unready_seconds, self._unready.callback, None)
        await self._unready
        if timer.active():
            timer.cancel()

    def _terminate(self) -> None:
        """Stop the reactor, and with it this service; asked again, close what is still open at once."""
        try:
            self._parts.reactor.stop()
        except ReactorNotRunning:
            self._parts.connections.abort()
            if not self._unready.called:
                self._unready.callback(None)

    def _reload(self) -> None:
        """Open the log file anew, and read the token and the certificate as they are now."""
        self._parts.writer.reopen()
        if self._parts.health.ready:
            Deferred.fromCoroutine(self._take_up())

    async def _take_up(self) -> None:
        parts = self._parts
        parts.notifier.reloading()
        await parts.keys.reload()
        if parts.certificate is not None:
            await parts.certificate.reload()
        if parts.health.ready:
            parts.notifier.ready()

    def _give_up(self, failure: Failure) -> None:
        """It did not start: say why, and end with status 1 once everything has stopped."""
        if self.running:
            give_up(
                self._parts.reactor,
                getattr(failure.value, "lines", (f"cannot start: {failure.getErrorMessage()}",)),
            )


def give_up(reactor: IReactor, lines: Iterable[str]) -> None:
    """Say why the server does not go on, and stop the reactor; the process then ends with status 1."""
    for line in lines:
        _log.critical("{line}", line=line)
        # Standard error itself, which in a daemon leads nowhere: sys.stderr is the log by now.
        if sys.__stderr__ is not None:
            sys.__stderr__.write(f"cloudsvc: {line}\n")
    # Neither twistd nor twist has a way to be told the exit status of what it ran.
    atexit.register(os._exit, 1)
    reactor.stop()


async def _stop(what: str, function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
    """Stop one thing; whatever goes wrong with it, the others have to stop too."""
    try:
        await maybeDeferred(function, *args, **kwargs)
    except Exception:  # noqa: BLE001  # see above
        _log.failure("{what} did not stop cleanly", what=what)


def _end_after(seconds: float) -> Timer:
    """
    End the process, with status 1, unless the timer is cancelled before.

    A thread that hangs, on a disk that does not answer say, is waited for in vain, and the reactor with it.
    """

    def end() -> None:
        if sys.__stderr__ is not None:
            sys.__stderr__.write(f"cloudsvc: something has not stopped for {seconds:g} seconds: it is left behind\n")
            sys.__stderr__.flush()
        os._exit(1)

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


async def _start(startable: Startable) -> None:
    """
    Start one of them.

    :raises OperatorError: it says so itself, or its failure is logged.
    """
    try:
        await startable.start()
    except (OperatorError, CancelledError):
        raise
    except Exception as problem:  # noqa: BLE001  # whatever it was, it is reported in the same way
        _log.failure("{name} did not start", name=startable.name)
        line = f"{startable.name} did not start: {str(problem) or type(problem).__name__}; the log says more"
        raise OperatorError([line]) from None
