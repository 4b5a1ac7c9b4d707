"""Health: named checks, asked together, each within its own time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, TimeoutError, gatherResults  # noqa: A004  # Deferred.addTimeout raises it
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()

CACHE_SECONDS: Final = 1.0
"""For so long a report is given again, so that asking for it without a key cannot become a load."""


class Status(StrEnum):
    """How well the server, or one part of it, does."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """It does its work, but something needs attention."""
    UNHEALTHY = "unhealthy"


@frozen(kw_only=True)
class Finding:
    """What a check found. The message is public: no paths, no addresses, no names of hosts."""

    ok: bool
    message: str


@frozen(kw_only=True, eq=False)
class Check:
    """
    One thing to look at.

    :ivar vital: whether the server is of no use without it.
    :ivar run: looks; what it raises counts as a fault and goes to the log, not into the report.
    :ivar timeout: seconds after which it counts as failed; ``None`` where those of :class:`Health` will do.
    """

    name: str
    vital: bool
    run: Callable[[], Awaitable[Finding]]
    timeout: float | None = None


@frozen(kw_only=True)
class CheckResult:
    """What became of one check."""

    status: Status
    message: str


@frozen(kw_only=True)
class HealthReport:
    """
    The whole.

    :ivar status: that of the worst check.
    :ivar message: one sentence; it is the failed check's own where the server is unhealthy.
    """

    status: Status
    message: str
    checks: Mapping[str, CheckResult]


@define(eq=False)
class Health:
    """
    Asks the checks.

    :param count: is called with the name and the outcome of every check that has run.
    :ivar timeout: seconds that a check has which does not say how many it needs.
    :ivar ready: whether new work should be sent here. False before the server has started and while it drains.
    """

    _checks: Sequence[Check]
    _clock: IReactorTime
    _count: Callable[[str, bool], object] = lambda name, ok: None  # without metrics nobody counts
    ready: bool = False
    timeout: float = field(kw_only=True)
    _latest: HealthReport | None = field(default=None, init=False)
    _probes: tuple[_Probe, ...] = field(init=False)
    _made_at: float = field(default=0.0, init=False)
    _waiting: list[Deferred[HealthReport]] = field(factory=list, init=False)

    @_probes.default
    def _make_probes(self) -> tuple[_Probe, ...]:
        return tuple(_Probe(check) for check in self._checks)

    async def report(self) -> HealthReport:
        """The present state, at most a second old. Whoever asks while the checks run gets the same report."""
        if self._latest is not None and self._clock.seconds() - self._made_at < CACHE_SECONDS:
            return self._latest
        # One of those who wait may be cancelled, when its client leaves: the checks go on for the others.
        waiting: Deferred[HealthReport] = Deferred()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            Deferred.fromCoroutine(self._ask()).addBoth(self._answer)
        return await waiting

    async def _ask(self) -> HealthReport:
        findings = await gatherResults(
            [Deferred.fromCoroutine(probe.ask(self._clock, self.timeout)) for probe in self._probes]
        )
        for check, finding in zip(self._checks, findings, strict=True):
            self._count(check.name, finding.ok)
        self._latest = summarize(zip(self._checks, findings, strict=True))
        self._made_at = self._clock.seconds()
        return self._latest

    def _answer(self, result: HealthReport | Failure) -> None:
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            if not deferred.called:
                deferred.callback(result)


def summarize(findings: Iterable[tuple[Check, Finding]]) -> HealthReport:
    """One report of what the checks found."""
    checks = {}
    status = Status.HEALTHY
    message = "Server is healthy"
    for check, finding in findings:
        result = Status.HEALTHY if finding.ok else Status.UNHEALTHY if check.vital else Status.DEGRADED
        checks[check.name] = CheckResult(status=result, message=finding.message)
        if result is Status.UNHEALTHY and status is not Status.UNHEALTHY:
            status, message = result, finding.message
        elif result is Status.DEGRADED and status is Status.HEALTHY:
            status, message = result, "Server is degraded"
    return HealthReport(status=status, message=message, checks=checks)


@define(eq=False)
class _Probe:
    check: Check
    _busy: bool = field(default=False, init=False)
    _passes: bool = field(default=True, init=False)
    _answer: Deferred[Finding] = field(factory=Deferred, init=False)

    async def ask(self, clock: IReactorTime, default_timeout: float) -> Finding:
        """What the check finds, within its time. One that hangs is not started again before it ends."""
        timeout = default_timeout if self.check.timeout is None else self.check.timeout
        self._answer = Deferred()
        self._answer.addTimeout(timeout, clock)
        if not self._busy:
            self._busy = True
            Deferred.fromCoroutine(self._run())
        try:
            finding = await self._answer
        except TimeoutError:
            finding = Finding(ok=False, message=f"No answer within {timeout:g} seconds")
        self._tell(finding)
        return finding

    async def _run(self) -> None:
        try:
            finding = await self.check.run()
        except Exception:  # noqa: BLE001  # a check that fails is a finding too
            if self._passes:
                _log.failure("The health check {check} raised", check=self.check.name)
            finding = Finding(ok=False, message="The check itself failed")
        self._busy = False
        if not self._answer.called:
            self._answer.callback(finding)

    def _tell(self, finding: Finding) -> None:
        if finding.ok is not self._passes:
            self._passes = finding.ok
            outcome = "passes again" if finding.ok else "fails"
            _log.warn(
                "The health check {check} {outcome}: {message}",
                check=self.check.name,
                outcome=outcome,
                message=finding.message,
            )
