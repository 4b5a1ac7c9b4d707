"""The whole server from outside: what every answer has, and what the settings change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.external_servers import run_memcached, run_redis
from tests.support.lifecycle_applications import FIRST
from tests.support.server import Reply, Server, make_home, running, wait_until

ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One with much switched on. Requests may come from any client: the proxy is trusted."""
    home, token = make_home(
        tmp_path_factory.mktemp("server") / "home",
        applications=[FIRST],
        cors={"enabled": True, "allow_origins": [ORIGIN], "expose_headers": ["X-Request-ID"], "max_age": 60},
        proxies={"trusted": ["127.0.0.0/8"]},
        rate_limit={"rate_limit": "5/minute", "failure_limit": "3/minute"},
        security={"hsts_max_age": 12345, "content_security_policy": "default-src 'none'"},
        static={"directory": "site"},
    )
    (home / "site" / "sub").mkdir(parents=True)
    (home / "site" / "index.html").write_text("<p>Hello</p>")
    with running(home, token) as server:
        yield server


def ask(
    server: Server, path: str, *, client: str, method: str = "GET", key: str | None = "right", **headers: str
) -> Reply:
    """One request of a client behind the proxy."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        fields["X-API-Key"] = server.token if key == "right" else key
    return server.ask(method, path, headers={"X-Forwarded-For": client, **fields}, key=False)


def test_health_is_public_and_says_what_time_it_is(server: Server) -> None:
    before = datetime.now(UTC)
    answer = server.ask("GET", "/api/health", key=False)
    assert answer.status == 200
    assert list(answer.json) == ["code", "message", "timestamp", "status"]
    assert {**answer.json, "timestamp": ""} == {
        "code": 200,
        "message": "Server is healthy",
        "timestamp": "",
        "status": "healthy",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", answer.json["timestamp"])
    assert before <= datetime.fromisoformat(answer.json["timestamp"]) <= datetime.now(UTC)


def test_each_check_has_a_name(server: Server) -> None:
    answer = ask(server, "/api/health/checks", client="192.0.2.10")
    assert answer.json["checks"].keys() == {"token", "certificate", "disk", "descriptors", "reactor"}
    assert {check["status"] for check in answer.json["checks"].values()} == {"healthy"}
    for path in ("/api/health/live", "/api/health/ready"):
        assert server.ask("GET", path, key=False).json["status"] == "healthy"


WHATEVER_IT_IS = {
    "success": (200, "GET", "/api/health", None),
    "no key": (401, "GET", "/api/login", None),
    "wrong key": (401, "GET", "/api/login", "wrong"),
    "nothing there": (404, "GET", "/api/nothing", None),
    "nothing there either": (404, "GET", "/nothing.html", None),
    "wrong method": (405, "POST", "/api/login", None),
    "strange method": (405, "BREW", "/api/health", None),
    "a bug": (500, "GET", "/api/slow/crash", None),
    "a file": (200, "GET", "/", None),
    "a directory": (308, "GET", "/sub", None),
}


@pytest.mark.parametrize(("status", "method", "path", "key"), WHATEVER_IT_IS.values(), ids=WHATEVER_IT_IS)
def test_every_answer_has_the_headers_that_protect(
    server: Server, status: int, method: str, path: str, key: str | None
) -> None:
    answer = ask(server, path, client="192.0.2.11", method=method, key=key)
    assert answer.status == status
    check_headers(answer)
    if status >= 400:
        check_error(answer)


def check_headers(answer: Reply) -> None:
    expected = {
        "Strict-Transport-Security": "max-age=12345; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": "default-src 'none'",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    assert expected.items() <= answer.headers.items()
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert answer.headers.keys() >= {"Date", "X-Request-ID"}
    assert not re.search(r"\d", answer.headers.get("Server", ""))
    location = answer.headers.get("Location", "/")
    assert not location.startswith(("http:", "https:", "//"))


def check_error(answer: Reply) -> None:
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json) == ["code", "message", "timestamp", "error", "request_id"]
    assert answer.json["code"] == answer.status
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert re.fullmatch(r"[a-z_]+", answer.json["error"])
    assert "spilt" not in answer.body.decode()


def test_a_bug_is_in_the_log_with_the_id_that_the_client_has(server: Server) -> None:
    answer = ask(server, "/api/slow/crash", client="192.0.2.12", key=None)
    log = server.wait_for_log(answer.json["request_id"])
    assert "spilt milk" in log


def test_a_key_may_come_in_either_header(server: Server) -> None:
    assert ask(server, "/api/login", client="192.0.2.13").json["message"] == "Login successful."
    bearer = ask(server, "/api/login", client="192.0.2.13", key=None, Authorization=f"Bearer {server.token}")
    assert bearer.status == 200
    missing = ask(server, "/api/login", client="192.0.2.13", key=None)
    wrong = ask(server, "/api/login", client="192.0.2.13", key=server.token[:-1])
    assert [missing.json["message"], wrong.json["message"]] == ["Missing API key", "Invalid API key"]
    assert "Bearer" in missing.headers["WWW-Authenticate"]
    assert "Bearer" in wrong.headers["WWW-Authenticate"]


def test_no_secret_is_in_the_log(server: Server) -> None:
    wrong = "a-wrong-key-is-somebodys-right-one"
    assert ask(server, "/api/login?token=in-a-query", client="192.0.2.15").status == 200
    identifier = ask(server, "/api/login", client="192.0.2.15", key=wrong).json["request_id"]
    log = server.wait_for_log(identifier) + server.console
    hashed = (server.home / ".env").read_text().partition("=")[2].strip()
    assert len(hashed) == 64
    assert not [secret for secret in (server.token, hashed, wrong, "in-a-query") if secret in log]


def test_over_the_limit_one_is_told_when_to_come_back(server: Server) -> None:
    """The limit is that of a client, a /64 where it has an IPv6 address, and of a route."""
    client, neighbour, stranger = "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"
    answers = [ask(server, "/api/login", client=client) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    refused = answers[-1]
    check_headers(refused)
    check_error(refused)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["X-RateLimit-Limit"] == "5"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    now = datetime.now(UTC).timestamp()
    assert now - 1 <= int(refused.headers["X-RateLimit-Reset"]) <= now + 61
    assert ask(server, "/api/login", client=neighbour).status == 429
    assert ask(server, "/api/login", client=stranger).status == 200
    assert ask(server, "/api/metrics", client=client).status == 200
    assert ask(server, "/api/health", client=client).status == 200


def test_beyond_some_wrong_keys_no_key_of_that_client_is_judged(server: Server) -> None:
    """A client is a /64, and the right key is refused as the wrong ones are."""
    client, neighbour, stranger = "2001:db8:3::1", "2001:db8:3::2", "2001:db8:4::1"
    paths = ["/api/login", "/api/health/checks", "/api/login", "/api/login"]
    assert [ask(server, path, client=client, key="wrong").status for path in paths] == [401, 401, 401, 429]
    refused = ask(server, "/api/login", client=neighbour)
    assert refused.status == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert ask(server, "/api/login", client=stranger).status == 200
    assert "too many wrong keys from 2001:db8:3::/64" in server.wait_for_log("too many wrong keys")


def series(server: Server, **headers: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample that the server exposes."""
    answer = server.ask("GET", "/api/metrics", headers={"X-Forwarded-For": "203.0.113.99", **headers})
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def labelled(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_metrics_count_by_route_and_never_by_path(server: Server) -> None:
    before = series(server)
    client = "198.51.100.4"
    for path, method in (("/api/login", "GET"), ("/api/wp-admin", "GET"), ("/x", "GET"), ("/api/health", "BREW")):
        ask(server, path, client=client, method=method)
    ask(server, "/api/login", client=client, key=None)
    for _ in range(4):
        ask(server, "/api/login", client=client, key="wrong")
    after = series(server)

    def increase(name: str, **labels: str) -> float:
        return after.get(labelled(name, **labels), 0) - before.get(labelled(name, **labels), 0)

    assert after[labelled("token_configured")] == 1
    assert after[labelled("http_requests_in_progress")] == 1
    assert increase("auth_success_total") == 1
    assert increase("auth_failure_total", reason="missing") == 1
    assert increase("auth_failure_total", reason="invalid") == 4
    assert labelled("auth_failure_total", reason="error") in after
    assert increase("rate_limit_exceeded_total", endpoint="/api/login") == 1
    assert increase("http_requests_total", method="GET", handler="/api/login", status="200") == 1
    assert increase("http_requests_total", method="GET", handler="/api/login", status="401") == 4
    assert increase("http_requests_total", method="GET", handler="/api/login", status="429") == 1
    assert increase("http_requests_total", method="GET", handler="unmatched", status="404") == 2
    assert increase("http_requests_total", method="OTHER", handler="unmatched", status="405") == 1
    assert increase("http_request_duration_seconds_count", method="GET", handler="/api/login") == 6
    assert increase("http_request_duration_seconds_bucket", method="GET", handler="/api/login", le="+Inf") == 6
    assert {name for name, _ in after} >= {
        "process_resident_memory_bytes",
        "process_open_fds",
        "reactor_lag_seconds_bucket",
        "http_connections_open",
        "certificate_not_after_seconds",
    }


def test_pages_of_the_origins_that_are_allowed_may_ask(server: Server) -> None:
    answer = ask(server, "/api/health", client="192.0.2.14", Origin=ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Expose-Headers"] == "X-Request-ID"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    stranger = ask(server, "/api/health", client="192.0.2.14", Origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in stranger.headers
    preflight = ask(
        server,
        "/api/login",
        client="192.0.2.14",
        method="OPTIONS",
        key=None,
        Origin=ORIGIN,
        Access_Control_Request_Method="GET",
        Access_Control_Request_Headers="X-API-Key",
    )
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-API-Key" in preflight.headers["Access-Control-Allow-Headers"]
    assert preflight.headers["Access-Control-Max-Age"] == "60"
    check_headers(preflight)


def test_a_configured_directory_is_served_beside_the_api(server: Server) -> None:
    page = server.ask("GET", "/", key=False)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.body == b"<p>Hello</p>"


def test_a_server_without_a_token_says_so_and_writes_as_it_is_configured(tmp_path: Path) -> None:
    home, _ = make_home(
        tmp_path / "home",
        json_response={"indent": 2, "media_type": "application/json; charset=utf-8"},
        metrics={"require_key": True},
        rate_limit={"enabled": False},
        documentation={"enabled": False},
    )
    (home / ".env").write_text("")
    with running(home, "any") as server:
        health = server.ask("GET", "/api/health")
        assert health.status == 500
        assert health.headers["Content-Type"] == "application/json; charset=utf-8"
        assert health.body.startswith(b'{\n  "code": 500,\n  "message": "Server token is not configured",\n')
        assert health.json["status"] == "unhealthy"
        answers = [server.ask("GET", path) for path in ("/api/login", "/api/metrics")]
        assert [answer.status for answer in answers] == [401, 401]
        assert {answer.json["error"] for answer in answers} == {"token_not_configured"}
        assert {server.ask("GET", path).status for path in ("/api/docs", "/api/openapi.json")} == {404}


def test_requests_are_served_uncounted_while_the_storage_of_the_counts_is_away(tmp_path: Path) -> None:
    with run_redis(tmp_path) as redis:
        home, token = make_home(
            tmp_path / "home",
            rate_limit={"rate_limit": "2/minute", "storage_uri": redis.uri, "strategy": "moving-window"},
            metrics={"require_key": True},
        )
        with running(home, token) as server:
            statuses = [server.ask("GET", "/api/login").status for _ in range(3)]
            assert statuses == [200, 200, 429]
            assert server.ask("GET", "/api/health").json["status"] == "healthy"
            redis.stop()
            statuses = [server.ask("GET", "/api/login").status for _ in range(3)]
            assert statuses == [200, 200, 200]
            wait_until(lambda: server.ask("GET", "/api/health").json["status"] == "degraded", server.log)
            assert server.ask("GET", "/api/health").status == 200
            assert series(server)[labelled("rate_limit_storage_failures_total")] >= 4
            log = server.wait_for_log("is unavailable")
            assert log.count("The rate-limit store is unavailable") == 1
            assert str(redis.port) not in log


def test_requests_are_refused_while_the_storage_of_the_counts_is_away_if_it_is_set_so(tmp_path: Path) -> None:
    with run_memcached() as memcached:
        limits: dict[str, Any] = {
            "rate_limit": "2/minute",
            "storage_uri": memcached.uri,
            "on_storage_failure": "refuse",
        }
        home, token = make_home(tmp_path / "home", rate_limit=limits)
        with running(home, token) as server:
            statuses = [server.ask("GET", "/api/login").status for _ in range(3)]
            assert statuses == [200, 200, 429]
            memcached.stop()
            answer = server.ask("GET", "/api/login")
            assert answer.status == 503
            assert answer.json["error"] == "throttling_unavailable"
            # Who asks how the server is, is not counted, and is told that it does nothing else.
            told = server.ask("GET", "/api/health")
            assert (told.status, told.json["status"]) == (500, "unhealthy")
            assert told.json["message"] == "The storage of the rate limits does not answer"
