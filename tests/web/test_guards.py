"""Guards: who gets in, and how often."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import frozen

from cloudsvc.access.credentials import CredentialSource, RequestHead
from cloudsvc.access.throttling import FixedWindowStore, Throttle
from cloudsvc.core.actors import Actor, Principal
from cloudsvc.core.rates import parse_rate
from tests.support.site import NOW, TOKEN, TestSite

HOST = b"Host: localhost\r\n"


GUEST = Principal(actor=Actor(name="guest", scopes=frozenset({"common"})), via="coming")


@frozen
class Guests(CredentialSource):
    """A source that takes whoever comes for a guest, who may do one thing."""

    name = "coming"

    def find(self, head: RequestHead, /) -> bytes:
        return b""

    def identify(self, credential: bytes, head: RequestHead, /) -> Principal:
        return GUEST


def ask(site: TestSite, path: str, *lines: str, host: str = "192.0.2.1") -> tuple[int, dict[str, str], dict[str, str]]:
    head = "".join(f"{line}\r\n" for line in lines)
    answer = site.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode(), host)
    return answer.status, answer.json, answer.headers


@pytest.fixture
def limited(make_site: Callable[..., TestSite]) -> TestSite:
    site = make_site()
    throttle = Throttle(
        store=FixedWindowStore(now=lambda: NOW + site.clock.seconds()),
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

    def test_a_key_without_the_scope_is_told_which_it_lacks(self, make_site: Callable[..., TestSite]) -> None:
        site = make_site(more_sources=[Guests()])
        assert ask(site, "/api/demo/key")[:2][1]["message"] == "hello guest"
        status, body, headers = ask(site, "/api/demo/scope")
        assert (status, body["error"]) == (403, "missing_scope")
        assert "'rare'" in body["message"]
        assert "WWW-Authenticate" not in headers, "another key of the same holder would not help"
        assert site.tally.guarded == ["authenticated"]

    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            ((f"X-API-Key: {TOKEN}", "X-API-Key: wrong"), 401),
            (("X-API-Key: wrong", f"X-API-Key: {TOKEN}"), 401),
            ((f"Authorization: Bearer {TOKEN}", "Authorization: Bearer wrong"), 401),
            (("X-API-Key: wrong", f"Authorization: Bearer {TOKEN}"), 401),
            ((f"Authorization: Bearer {TOKEN}", "X-API-Key: wrong"), 401),
            ((f"X-API-Key: {TOKEN}", "Authorization: Bearer wrong"), 200),
            ((f"X-API-Key: {TOKEN}", f"X-API-Key: {TOKEN}"), 200),
            (("X-API-Key:", f"Authorization: Bearer {TOKEN}"), 200),
            (("Authorization: Basic d3Jvbmc=", f"Authorization: Bearer {TOKEN}"), 200),
        ],
    )
    def test_of_several_keys_a_right_one_makes_up_for_no_wrong_one(
        self, site: TestSite, lines: tuple[str, ...], expected: int
    ) -> None:
        assert ask(site, "/api/demo/key", *lines)[0] == expected

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

    def test_the_wait_is_never_none_at_all(self, limited: TestSite) -> None:
        """Not even a moment before the window ends: a client that waits for 0 seconds does not wait."""
        key = f"X-API-Key: {TOKEN}"
        for _ in range(3):
            ask(limited, "/api/demo/key", key)
        limited.clock.advance(59.9995)
        status, body, headers = ask(limited, "/api/demo/key", key)
        assert (status, headers["Retry-After"]) == (429, "1")
        assert "Try again in 1 seconds" in body["message"]

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

    def test_beyond_some_wrong_keys_on_any_route_no_key_is_judged(self, limited: TestSite) -> None:
        wrong = "X-API-Key: wrong"
        statuses = [ask(limited, path, wrong)[0] for path in ("/api/demo/key", "/api/demo/scope", "/api/demo/key")]
        assert statuses == [401, 401, 429]
        assert ask(limited, "/api/demo/key", wrong, host="192.0.2.2")[0] == 401
        assert ask(limited, "/api/demo/key")[0] == 401, "no key is no guess"

    def test_a_refused_key_does_not_show_whether_it_is_the_right_one(self, limited: TestSite) -> None:
        for n in range(2):
            ask(limited, "/api/demo/key", f"X-API-Key: guess {n}")
        told = []
        for key in ("wrong", TOKEN):
            seen = len(limited.tally.guarded)
            status, body, headers = ask(limited, "/api/demo/key", f"X-API-Key: {key}")
            counted = limited.tally.guarded[seen:]
            told.append((status, body["error"], body["message"], headers["Retry-After"], len(headers), counted))
        assert told[0] == told[1]
        assert told[0][:2] == (429, "too_many_requests")

    def test_the_right_key_gets_in_after_the_wait_it_was_told(self, limited: TestSite) -> None:
        for n in range(3):
            ask(limited, "/api/demo/key", f"X-API-Key: guess {n}")
        _, _, headers = ask(limited, "/api/demo/key", f"X-API-Key: {TOKEN}")
        assert int(headers["X-RateLimit-Reset"]) == NOW + int(headers["Retry-After"])
        assert headers["X-RateLimit-Limit"] == "2"
        limited.clock.advance(int(headers["Retry-After"]))
        assert ask(limited, "/api/demo/key", f"X-API-Key: {TOKEN}")[0] == 200

    def test_a_connection_goes_on_with_the_right_key_until_it_shows_a_wrong_one(self, limited: TestSite) -> None:
        def send(key: str) -> int:
            client.send(f"GET /api/demo/key HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n\r\n".encode())
            return client.answers()[-1].status

        client = limited.connect()
        assert send(TOKEN) == 200
        for n in range(3):
            ask(limited, "/api/demo/key", f"X-API-Key: guess {n}")
        assert ask(limited, "/api/demo/key", f"X-API-Key: {TOKEN}")[0] == 429
        assert [send(TOKEN), send("wrong"), send(TOKEN)] == [200, 429, 429]

    def test_missing_keys_are_no_guesses(self, limited: TestSite) -> None:
        assert {ask(limited, "/api/demo/key")[0] for _ in range(10)} == {401}

    def test_refused_requests_do_not_use_up_the_limit(self, limited: TestSite) -> None:
        ask(limited, "/api/demo/key", "X-API-Key: wrong")
        for _ in range(10):
            ask(limited, "/api/demo/key")
        assert ask(limited, "/api/demo/key", f"X-API-Key: {TOKEN}")[0] == 200
