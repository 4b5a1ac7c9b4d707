"""System routes: health, login, metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from attrs import frozen

from cloudsvc.extend import (
    GZIPPED,
    VARIES,
    Application,
    Klein,
    Message,
    Reply,
    Request,
    Response,
    Tools,
    accepts_gzip,
    authorized,
    compress,
    route,
    throttled,
)
from cloudsvc.observe.health import CheckResult, Health, Status
from cloudsvc.observe.metrics import Exposition

_QUICK: Final = 1
"""The level of gzip at which metrics are packed: a fifth of their size, in less time than it takes to write them."""


@frozen(kw_only=True)
class SystemSettings:
    """
    Values from several sections of the configuration.

    :ivar metrics_require_key: whether only who holds a key may read the metrics.
    """

    metrics_require_key: bool


@frozen(kw_only=True)
class HealthMessage(Message):
    """
    How the server is.

    :ivar status: degraded where something fails that is not vital.
    """

    status: Status


@frozen(kw_only=True)
class ChecksMessage(Message):
    """How each part of the server is."""

    status: Status
    checks: dict[str, CheckResult]


def _guards_metrics(system: System) -> bool:
    return system.settings.metrics_require_key


class System(Application[SystemSettings]):
    """Health, login and metrics."""

    name = "system"
    mounts = ("health", "login", "metrics")
    settings_type = SystemSettings
    app = Klein()

    def __init__(
        self,
        settings: SystemSettings,
        tools: Tools,
        *,
        health: Health,
        expose: Callable[[], Awaitable[Exposition]],
    ) -> None:
        super().__init__(settings, tools)
        self._health = health
        self._expose = expose

    @route(app, "GET", "/health", answers={500: "The server is unhealthy."})
    async def health(self, request: Request) -> Reply[HealthMessage]:
        """
        Say how the server is.

        `healthy`; `degraded` where something fails that is not vital; `unhealthy`, with status 500, otherwise.
        """
        report = await self._health.report()
        status = 500 if report.status is Status.UNHEALTHY else 200
        return Reply(message=HealthMessage(message=report.message, status=report.status), status=status)

    @route(app, "GET", "/health/checks")
    @authorized()
    @throttled("api")
    async def report_checks(self, request: Request) -> ChecksMessage:
        """Say what each health check finds."""
        report = await self._health.report()
        return ChecksMessage(message=report.message, status=report.status, checks=dict(report.checks))

    @route(app, "GET", "/health/live")
    async def live(self, request: Request) -> HealthMessage:
        """Say that the process answers; whoever restarts it asks this."""
        return HealthMessage(message="Server is alive", status=Status.HEALTHY)

    @route(app, "GET", "/health/ready", answers={503: "The server is starting or stopping."})
    async def ready(self, request: Request) -> Reply[HealthMessage]:
        """Say whether to send requests here; a load balancer asks this."""
        if self._health.ready:
            return Reply(message=HealthMessage(message="Server is ready", status=Status.HEALTHY), status=200)
        return Reply(message=HealthMessage(message="Server is not ready", status=Status.UNHEALTHY), status=503)

    @route(app, "GET", "/login")
    @authorized()
    @throttled("api")
    async def login(self, request: Request) -> Message:
        """Say that the key is valid."""
        return Message(message="Login successful.")

    @route(app, "GET", "/metrics", produces={"text/plain": {"type": "string"}}, errors={401: "A key is required."})
    @authorized(when=_guards_metrics)
    @throttled("api")
    async def metrics(self, request: Request) -> Response:
        """
        Give the metrics in the Prometheus text format.

        The setting `metrics.require_key` demands a key.
        """
        # Whoever scrapes sees the health checks too, without asking for them.
        await self._health.report()
        exposition = await self._expose()
        headers = ((b"Content-Type", exposition.content_type), (b"Cache-Control", b"no-store"), *VARIES)
        if accepts_gzip(request):
            return Response(headers=headers + GZIPPED, body=compress(exposition.body, level=_QUICK))
        return Response(headers=headers, body=exposition.body)
