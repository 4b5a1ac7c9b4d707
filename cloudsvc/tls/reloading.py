"""Certificate reloading: replaced on disk, it is replaced here, without a restart and without a refused client."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import frozen
from OpenSSL.SSL import Connection
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel
from zope.interface import implementer

from cloudsvc.core.clock import WallClock
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.tls.certificate_authority import Outcome, explain_missing, renew_when_due
from cloudsvc.tls.context import LoadedCertificate, load_certificate, make_context
from cloudsvc.tls.files import CertificateFiles

if TYPE_CHECKING:
    from twisted.protocols.tls import TLSMemoryBIOProtocol

CHECK_INTERVAL = 15.0
"""Seconds between two looks at the files."""

_PATIENCE = 15.0
"""Seconds that a look at the files may take before it is a problem."""

_SESSION_KEY_LIFETIME = 24 * 3600.0

_Signature: TypeAlias = tuple[tuple[int, ...] | None, ...]


@frozen(kw_only=True)
class Renewal:
    """
    When a certificate of our own is renewed without being asked for.

    :ivar days_valid: life of the new certificate.
    :ivar before_days: how long before the end of the present one.
    """

    days_valid: int
    before_days: int


@implementer(IOpenSSLServerConnectionCreator)
class ReloadingCertificate(Service):
    """
    Serves TLS with what lies in ``files``, and keeps looking while the service runs.

    A replacement that cannot be served (half-written, not belonging to its key, expired) is refused and reported
    once; the certificate before it goes on serving. Connections that are open keep theirs.

    :param clock: for the interval between looks; ``wall_clock`` for the validity of certificates.
    :param renewal: ``None`` leaves renewal to others.
    :param names: what the certificate should be for. What is missing is added, where renewal is ours and the authority
        that clients trust can vouch for it; otherwise the log says, once, what to do.
    :param count_load: is told how each attempt to serve something new went.
    :raises OperatorError: when the files cannot be served now. An expired certificate can: with it clients that do not
        verify still get through, and a renewal that needs a running server can happen.
    """

    log = Logger()

    def __init__(
        self,
        files: CertificateFiles,
        *,
        clock: IReactorTime,
        wall_clock: WallClock,
        threads: ThreadRunner,
        renewal: Renewal | None,
        names: Sequence[str],
        count_load: Callable[[Literal["success", "failure"]], object] = lambda result: None,
    ) -> None:
        self._files = files
        self._wall_clock = wall_clock
        self._threads = threads
        self._renewal = renewal
        self._names = names
        self._missing: str | None = None
        self._count_load = count_load
        self._clock = clock
        self._turn = DeferredLock()
        self._checks: LoopingCall | None = None
        self._refusal: str | None = None
        self._renewal_fault: str | None = None
        self._delay: str | None = None
        self._signature = _sign(files)
        self._current = load_certificate(files.key, files.certificate)
        self._sessions = make_context()
        self._sessions_since = clock.seconds()
        self._report(self._current)

    @property
    def not_after(self) -> float:
        """When the certificate in service ends, in seconds since the epoch."""
        return self._current.not_after

    @property
    def problem(self) -> str | None:
        """What an operator has to do something about, or ``None``: for health checks and metrics."""
        faults = (self._current.invalidity(self._wall_clock()), self._refusal, self._renewal_fault, self._delay)
        return "; ".join(fault for fault in faults if fault) or None

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Connection:
        """A connection with the certificate of this moment, that resumes sessions begun under an earlier one."""
        # The keys of session tickets stay with the context a connection is born from; the certificate comes with the
        # one it is switched to.
        connection = Connection(self._sessions, None)
        connection.set_context(self._current.context)
        return connection

    def startService(self) -> None:
        """Look at the files now and every :data:`CHECK_INTERVAL`."""
        super().startService()
        self._checks = LoopingCall(lambda: Deferred.fromCoroutine(self._check()))
        self._checks.clock = self._clock
        self._checks.start(CHECK_INTERVAL)

    def stopService(self) -> Deferred[None]:
        """Look no more; fires when a look under way is over."""
        super().stopService()
        if self._checks is not None:
            self._checks.stop()
            self._checks = None
        return self._turn.run(lambda: None)

    async def reload(self) -> None:
        """Load what is on disk now. Raises nothing: what is wrong with it is logged, and stays as :attr:`problem`."""
        self._refusal = None
        await self._take_turn(self._load)

    async def _check(self) -> None:
        try:
            await self._take_turn(self._look)
        except Exception:  # noqa: BLE001 - whatever it was, the next look has to happen
            self.log.failure("looking after the certificate failed, trying again")

    async def _take_turn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do ``work`` once nothing else looks at the files. Where it hangs with their disk, nothing can end it."""

        async def watched() -> None:
            timer = self._clock.callLater(_PATIENCE, self._report_delay)
            try:
                await work()
            finally:
                self._delay = None
                if timer.active():
                    timer.cancel()

        await self._turn.run(lambda: Deferred.fromCoroutine(watched()))

    def _report_delay(self) -> None:
        self._delay = (
            f"looking at the files in {self._files.directory} takes longer than {_PATIENCE:.0f} seconds: "
            "see whether its disk answers, and whether another process holds its lock"
        )
        self.log.emit(LogLevel.error, "{delay}", delay=self._delay)

    async def _look(self) -> None:
        if self._clock.seconds() - self._sessions_since > _SESSION_KEY_LIFETIME:
            # Forward secrecy of resumed sessions reaches back as far as their keys.
            self._sessions = make_context()
            self._sessions_since = self._clock.seconds()
        if self._renewal is not None:
            await self._renew(self._renewal)
        # What was refused is tried again: the other half of a swap may have arrived between looking and loading.
        if self._refusal or self._signature != await self._threads.run(_sign, self._files):
            await self._load()
        await self._tell_missing()

    async def _tell_missing(self) -> None:
        """Say once which names the certificate lacks; whatever is wrong with the files is told elsewhere."""
        with suppress(OperatorError):
            missing = await self._threads.run(
                explain_missing, self._files, self._names, renews=self._renewal is not None
            )
            if missing is not None and missing != self._missing:
                self.log.emit(LogLevel.warn, "{missing}", missing=missing)
            self._missing = missing

    async def _renew(self, renewal: Renewal) -> None:
        try:
            outcome: Outcome | None = await self._threads.run(
                renew_when_due,
                self._files,
                renewal.days_valid,
                renewal.before_days,
                self._wall_clock(),
                self._names,
            )
        except OperatorError as fault:
            if self._renewal_fault != str(fault):
                self.log.emit(LogLevel.error, "the certificate could not be renewed: {fault}", fault=str(fault))
            self._renewal_fault = str(fault)
            return
        self._renewal_fault = None
        if outcome is not None:
            self.log.info("renewed the certificate in {file}", file=self._files.certificate)
            if outcome.authority_made:
                self.log.emit(
                    LogLevel.warn,
                    "a new certificate authority signed it: give clients {file} once more",
                    file=self._files.certificate,
                )

    async def _load(self) -> None:
        signature = await self._threads.run(_sign, self._files)
        try:
            loaded = await self._threads.run(_load_valid, self._files, self._wall_clock())
        except OperatorError as fault:
            if (signature, str(fault)) != (self._signature, self._refusal):
                self.log.emit(
                    LogLevel.error,
                    "the certificate on disk cannot be served, keeping the old: {fault}",
                    fault=str(fault),
                )
                self._count_load("failure")
            self._refusal, self._signature = str(fault), signature
            return
        self._current, self._signature, self._refusal = loaded, signature, None
        self._count_load("success")
        self._report(loaded)

    def _report(self, loaded: LoadedCertificate) -> None:
        days = (loaded.not_after - self._wall_clock()) / 86400
        self.log.info("serving {file}, valid for {days:.1f} days", file=self._files.certificate, days=days)
        if invalidity := loaded.invalidity(self._wall_clock()):
            self.log.emit(LogLevel.error, "{file}: {invalidity}", file=self._files.certificate, invalidity=invalidity)
        for warning in loaded.warnings:
            self.log.emit(LogLevel.warn, "{warning}", warning=warning)


def _load_valid(files: CertificateFiles, now: float) -> LoadedCertificate:
    loaded = load_certificate(files.key, files.certificate)
    if invalidity := loaded.invalidity(now):
        raise OperatorError([f"{files.certificate}: {invalidity}"])
    return loaded


def _sign(files: CertificateFiles) -> _Signature:
    """What changes when one of the files is replaced or written to."""
    return tuple(_sign_one(path) for path in (files.key, files.certificate))


def _sign_one(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
