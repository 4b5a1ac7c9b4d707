"""Guards: who gets in, and how often."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudsvc.access.throttling import FixedWindows, Throttle
from cloudsvc.core.rates import parse_rate
from tests.support.site import NOW, TOKEN, TestSite

HOST = b"Host: localhost\r\n"


def ask(site: TestSite, path: str, *lines: str, host: str = "192.0.2.1") -> tuple[int, dict[str, str], dict[str, str]]:
    head = "".join(f"{line}\r\n" for line in lines)
    answer = site.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode(), host)
    return answer.status, answer.json, answer.headers


@pytest.fixture
def limited(make_site: Callable[..., TestSite]) -> TestSite:
    site = make_site()
    throttle = Throttle(
        windows=FixedWindows(now=lambda: NOW + site.clock.seconds()),
        rates={name: parse_rate(rate) for name, rate in (("api", "3/minute"), ("failure", "2/minute"))},
        on_failure="allow",
    )
    return make_site(throttle=throttle, clock=site.clock)


class TestAuthorized:
    def test_a_missing_key_is_told(self, site: TestSite) -> None:
        status, body, headers = ask(site, "/api/demo/key")
        assert (status, body["message"], body["error"]) == (401, "Missing API key", "missing_api_key")
        assert "WWW-Authenticate" in headers
        assert site.tally.guarded == ["missing"]

    @pytest.mark.parametrize("line", ["X-API-Key: wrong", "Authorization: Bearer wrong"])
    def test_a_wrong_key_is_told(self, site: TestSite, line: str) -> None:
        status, body, headers = ask(site, "/api/demo/key", line)
        assert (status, body["message"], body["error"]) == (401, "Invalid API key", "invalid_api_key")
        assert "WWW-Authenticate" in headers
        assert site.tally.guarded == ["invalid"]

    @pytest.mark.parametrize("line", [f"X-API-Key: {TOKEN}", f"X-API-KEY: {TOKEN}", f"Authorization: Bearer {TOKEN}"])
    def test_a_right_key_gets_in(self, site: TestSite, line: str) -> None:
        assert ask(site, "/api/demo/key", line)[1]["message"] == "hello owner"
        assert site.tally.guarded == ["authenticated"]

    def test_the_owner_has_every_scope(self, site: TestSite) -> None:
        assert ask(site, "/api/demo/scope", f"X-API-Key: {TOKEN}")[0] == 200

    def test_without_a_configured_key_nobody_gets_in(self, make_site: Callable[..., TestSite]) -> None:
        site = make_site(configured=False)
        status, body, _ = ask(site, "/api/demo/key", f"X-API-Key: {TOKEN}")
        assert (status, body["error"]) == (401, "token_not_configured")
        assert site.tally.guarded == ["error"]


class TestThrottled:
    def test_over_the_limit_is_429_with_all_the_headers(self, limited: TestSite) -> None:
        key = f"X-API-Key: {TOKEN}"
        assert [ask(limited, "/api/demo/key", key)[0] for _ in range(3)] == [200] * 3
        status, body, headers = ask(limited, "/api/demo/key", key)
        assert (status, body["error"]) == (429, "too_many_requests")
        assert headers["X-RateLimit-Limit"] == "3"
        assert headers["X-RateLimit-Remaining"] == "0"
        assert int(headers["Retry-After"]) in range(1, 61)
        assert int(headers["X-RateLimit-Reset"]) == NOW + int(headers["Retry-After"])
        assert limited.tally.guarded[-1] == "throttled /api/demo/key"

    def test_other_clients_are_not_affected(self, limited: TestSite) -> None:
        key = f"X-API-Key: {TOKEN}"
        for _ in range(4):
            ask(limited, "/api/demo/key", key)
        assert ask(limited, "/api/demo/key", key, host="192.0.2.2")[0] == 200

    def test_after_the_window_it_is_fine_again(self, limited: TestSite) -> None:
        key = f"X-API-Key: {TOKEN}"
        for _ in range(4):
            _, _, headers = ask(limited, "/api/demo/key", key)
        limited.clock.advance(int(headers["Retry-After"]))
        assert ask(limited, "/api/demo/key", key)[0] == 200

    def test_wrong_keys_are_throttled_over_all_routes_and_the_right_one_passes(self, limited: TestSite) -> None:
        wrong = "X-API-Key: wrong"
        statuses = [ask(limited, path, wrong)[0] for path in ("/api/demo/key", "/api/demo/scope", "/api/demo/key")]
        assert statuses == [401, 401, 429]
        assert ask(limited, "/api/demo/key", f"X-API-Key: {TOKEN}")[0] == 200
        assert ask(limited, "/api/demo/key", wrong)[0] == 429
        assert ask(limited, "/api/demo/key", wrong, host="192.0.2.2")[0] == 401

    def test_missing_keys_are_no_guesses(self, limited: TestSite) -> None:
        assert {ask(limited, "/api/demo/key")[0] for _ in range(10)} == {401}

    def test_refused_requests_do_not_use_up_the_limit(self, limited: TestSite) -> None:
        for _ in range(2):
            ask(limited, "/api/demo/key", "X-API-Key: wrong")
        for _ in range(10):
            ask(limited, "/api/demo/key")
        assert ask(limited, "/api/demo/key", f"X-API-Key: {TOKEN}")[0] == 200
