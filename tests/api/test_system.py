"""Health, login and metrics, on a site in memory."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from cloudsvc.access.throttling import FixedWindowStore, Throttle
from cloudsvc.api.system import System, SystemSettings
from cloudsvc.core.rates import parse_rate
from cloudsvc.extend import Tools
from cloudsvc.observe.health import Check, Finding, Health
from cloudsvc.observe.metrics import Exposition, Metrics
from tests.support.site import NOW, TOKEN, Answer, TestSite


class Demo:
    """The system routes with checks of which a test decides the outcome."""

    def __init__(self, *, require_key: bool = False, configured: bool = True, throttle: Throttle | None = None) -> None:
        self.clock = Clock()
        self.metrics = Metrics()
        self.findings: dict[str, Finding | None] = {}
        checks = [Check(name=name, vital=name == "heart", run=self._look_at(name)) for name in ("heart", "hair")]
        self.health = Health(checks, self.clock, self.metrics.health_checked, timeout=2.0)
        tools = Tools(
            clock=self.clock,
            now=time.time,
            threads=cast("Any", None),
            make_threads=cast("Any", None),
            processes=cast("Any", None),
            instruments=self.metrics.instruments_for("system"),
            data=Path("/nowhere"),
        )
        system = System(SystemSettings(metrics_require_key=require_key), tools, health=self.health, expose=self._expose)
        self.site = TestSite(application=system, clock=self.clock, configured=configured, throttle=throttle)

    async def _expose(self) -> Exposition:
        return self.metrics.expose()

    def _look_at(self, name: str) -> Callable[[], Any]:
        async def look() -> Finding:
            never: Deferred[Finding] = Deferred()
            return self.findings.get(name, Finding(ok=True, message=f"{name} beats")) or await never

        return look

    def ask(self, path: str, **headers: str) -> Answer:
        fields = {"Host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return self.site.ask(f"GET /api{path} HTTP/1.1\r\n{head}\r\n".encode())


@pytest.fixture
def demo() -> Demo:
    return Demo()


def test_health_has_exactly_these_fields(demo: Demo) -> None:
    answer = demo.ask("/health")
    assert answer.status == 200
    assert answer.body == (
        b'{"code":200,"message":"Server is healthy","timestamp":"2026-01-01T00:00:00.000000Z","status":"healthy"}'
    )


@pytest.mark.parametrize(
    ("failing", "status", "message", "word"),
    [
        ("hair", 200, "Server is degraded", "degraded"),
        ("heart", 500, "it is out", "unhealthy"),
    ],
)
def test_health_is_that_of_the_worst_part(demo: Demo, failing: str, status: int, message: str, word: str) -> None:
    demo.findings[failing] = Finding(ok=False, message="it is out")
    answer = demo.ask("/health")
    assert answer.status == status
    assert {**answer.json, "timestamp": ""} == {"code": status, "message": message, "timestamp": "", "status": word}


def test_a_check_that_hangs_fails_and_the_client_waits_no_longer(demo: Demo) -> None:
    demo.findings["hair"] = None
    client = demo.site.connect()
    client.send(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert client.received == b""
    demo.clock.advance(demo.health.timeout)
    assert client.answer().json["status"] == "degraded"


def test_each_check_is_told_to_whoever_holds_a_key(demo: Demo) -> None:
    demo.findings["hair"] = Finding(ok=False, message="it is out")
    assert demo.ask("/health/checks").status == 401
    answer = demo.ask("/health/checks", X_API_Key=TOKEN)
    assert answer.status == 200
    assert answer.json["status"] == "degraded"
    assert answer.json["checks"] == {
        "heart": {"status": "healthy", "message": "heart beats"},
        "hair": {"status": "degraded", "message": "it is out"},
    }
    exposed = demo.ask("/metrics").body.decode()
    assert 'health_check_status{check="hair"} 0.0' in exposed
    assert 'health_check_status{check="heart"} 1.0' in exposed


def test_it_is_ready_when_it_says_so_and_alive_in_any_case(demo: Demo) -> None:
    assert demo.ask("/health/ready").status == 503
    assert demo.ask("/health/ready").json["message"] == "Server is not ready"
    assert demo.ask("/health/live").status == 200
    demo.health.ready = True
    assert demo.ask("/health/ready").status == 200


@pytest.mark.parametrize("headers", [{"X_API_Key": TOKEN}, {"Authorization": f"Bearer {TOKEN}"}])
def test_login_says_that_the_key_is_valid(demo: Demo, headers: dict[str, str]) -> None:
    answer = demo.ask("/login", **headers)
    assert answer.status == 200
    assert answer.body == (b'{"code":200,"message":"Login successful.","timestamp":"2026-01-01T00:00:00.000000Z"}')


@pytest.mark.parametrize(
    ("configured", "headers", "message", "error"),
    [
        (True, {}, "Missing API key", "missing_api_key"),
        (True, {"X_API_Key": "wrong"}, "Invalid API key", "invalid_api_key"),
        (True, {"Authorization": "Bearer wrong"}, "Invalid API key", "invalid_api_key"),
        (True, {"Authorization": "Basic d3Jvbmc6"}, "Missing API key", "missing_api_key"),
        (False, {"X_API_Key": TOKEN}, "Server token is not configured", "token_not_configured"),
    ],
)
def test_login_says_what_is_wrong_with_the_key(
    *, configured: bool, headers: dict[str, str], message: str, error: str
) -> None:
    answer = Demo(configured=configured).ask("/login", **headers)
    assert answer.status == 401
    assert {**answer.json, "timestamp": "", "request_id": ""} == {
        "code": 401,
        "message": message,
        "timestamp": "",
        "error": error,
        "request_id": "",
    }
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(("require_key", "statuses"), [(False, [200, 200, 200]), (True, [401, 401, 200])])
def test_metrics_are_public_unless_a_setting_demands_a_key(*, require_key: bool, statuses: list[int]) -> None:
    demo = Demo(require_key=require_key)
    answers = [demo.ask("/metrics"), demo.ask("/metrics", X_API_Key="wrong"), demo.ask("/metrics", X_API_Key=TOKEN)]
    assert [answer.status for answer in answers] == statuses
    assert answers[-1].headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# TYPE token_configured gauge\n" in answers[-1].body


def test_metrics_come_in_gzip_and_are_not_kept() -> None:
    demo = Demo()
    plain, packed = demo.ask("/metrics"), demo.ask("/metrics", Accept_Encoding="gzip")
    assert (packed.headers["Content-Encoding"], packed.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert b"# TYPE token_configured gauge\n" in gzip.decompress(packed.body)
    assert len(packed.body) < len(plain.body) / 3
    assert plain.headers["Cache-Control"] == packed.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/health", "/health/checks", "/login", "/nothing"])
def test_what_may_hold_a_secret_is_never_compressed(path: str) -> None:
    answer = Demo().ask(path, X_API_Key=TOKEN, Accept_Encoding="gzip")
    assert "Content-Encoding" not in answer.headers
    assert answer.json["code"] == answer.status
    assert answer.headers["Cache-Control"] == "no-store"


def test_keys_for_the_metrics_are_asked_for_before_requests_are_counted() -> None:
    throttle = Throttle(
        store=FixedWindowStore(now=lambda: NOW),
        rates={"api": parse_rate("1/minute"), "failure": parse_rate("10/minute")},
        on_failure="allow",
    )
    demo = Demo(require_key=True, throttle=throttle)
    answers = [demo.ask("/metrics"), demo.ask("/metrics"), demo.ask("/metrics", X_API_Key=TOKEN)]
    assert [answer.status for answer in answers] == [401, 401, 200]
