"""Authentication by any sources of credentials, which change while the server runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import provider

from cloudsvc.access.throttling import FixedWindowStore, Throttle
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.rates import parse_rate
from cloudsvc.web.rate_limits import Subject
from tests.support.credential_sources import Tickets
from tests.support.site import NOW, TOKEN, Answer, TestSite

Make: TypeAlias = Callable[..., TestSite]


def ask(site: TestSite, *lines: str, path: str = "/api/demo/key", host: str = "192.0.2.1") -> Answer:
    return site.ask(spell(*lines, path=path), host)


def spell(*lines: str, path: str = "/api/demo/key") -> bytes:
    return "".join(f"{line}\r\n" for line in (f"GET {path} HTTP/1.1", "Host: localhost", *lines, "")).encode()


def limit(make_site: Make, tickets: Tickets, *, by: Subject = "client", rate: str = "3/minute") -> TestSite:
    rates = {name: parse_rate(amount) for name, amount in (("api", rate), ("failure", "2/minute"))}
    throttle = Throttle(FixedWindowStore(lambda: NOW), rates, "allow")
    return make_site(more_sources=[tickets], throttle=throttle, by=by)


class TestSources:
    def test_a_source_sees_method_path_and_header_fields(self, make_site: Make) -> None:
        tickets = Tickets()
        answer = ask(make_site(more_sources=[tickets]), "X-Ticket: guest", path="/api/demo/key?a=b")
        assert (answer.status, answer.json["message"]) == (200, "hello guest")
        assert tickets.seen == [(b"GET", b"/api/demo/key", b"guest")]

    def test_the_server_s_own_credentials_are_good_beside_it(self, make_site: Make) -> None:
        site = make_site(more_sources=[Tickets()])
        for line in (f"X-API-Key: {TOKEN}", f"Authorization: Bearer {TOKEN}"):
            assert ask(site, line).json["message"] == "hello owner"

    def test_the_first_that_finds_a_credential_decides(self, make_site: Make) -> None:
        site = make_site(more_sources=[Tickets()])
        assert ask(site, f"X-API-Key: {TOKEN}", "X-Ticket: guest").json["message"] == "hello guest"
        assert ask(site, f"X-API-Key: {TOKEN}", "X-Ticket: wrong").status == 401

    def test_a_principal_has_no_more_scopes_than_the_source_says(self, make_site: Make) -> None:
        answer = ask(make_site(more_sources=[Tickets()]), "X-Ticket: guest", path="/api/demo/scope")
        assert (answer.status, answer.json["error"]) == (403, "missing_scope")


class TestLookingUp:
    def test_a_request_waits_for_a_look_up_that_takes_its_time(self, make_site: Make) -> None:
        tickets = Tickets(slow=True)
        client = make_site(more_sources=[tickets]).connect()
        client.send(spell("X-Ticket: guest"))
        assert client.answers() == []
        tickets.pending.pop().callback(None)
        assert client.answer().json["message"] == "hello guest"

    def test_it_ends_when_its_client_leaves(self, make_site: Make) -> None:
        tickets = Tickets(slow=True)
        client = make_site(more_sources=[tickets]).connect()
        client.send(spell("X-Ticket: guest"))
        client.leave()
        assert tickets.cancelled == 1

    @pytest.mark.parametrize("late", [False, True])
    def test_one_that_fails_is_503_and_no_wrong_credential(self, make_site: Make, *, late: bool) -> None:
        tickets = Tickets(problem=OSError("secret://user:password@store"), late=late)
        site = limit(make_site, tickets)
        events: list[LogEvent] = []
        observer = provider(ILogObserver)(lambda event: events.append(event))  # noqa: PLW0108  # a method cannot be marked
        globalLogPublisher.addObserver(observer)
        try:
            answers = [ask(site, "X-Ticket: guest") for _ in range(5)]
        finally:
            globalLogPublisher.removeObserver(observer)
        assert {(answer.status, answer.json["error"]) for answer in answers} == {(503, "credentials_unavailable")}
        assert not any("WWW-Authenticate" in answer.headers for answer in answers)
        assert not any(b"password" in answer.body for answer in answers)
        assert [event["id"] for event in events if "log_failure" in event] == [
            each.json["request_id"] for each in answers
        ]
        assert site.tally.guarded == ["error"] * 5
        tickets.problem = None
        assert ask(site, "X-Ticket: guest").status == 200

    @pytest.mark.parametrize("late", [False, True])
    def test_a_source_may_say_itself_that_nobody_can_tell(self, make_site: Make, *, late: bool) -> None:
        problem = CloudError(Kind.UNAVAILABLE, "directory_unavailable", "Come back.", retry_after=7)
        answer = ask(make_site(more_sources=[Tickets(problem=problem, late=late)]), "X-Ticket: guest")
        assert (answer.status, answer.json["error"]) == (503, "directory_unavailable")
        assert answer.headers["Retry-After"] == "7"

    def test_others_get_in_meanwhile(self, make_site: Make) -> None:
        site = make_site(more_sources=[Tickets(problem=OSError())])
        assert ask(site, f"X-API-Key: {TOKEN}").status == 200


class TestComingAndGoing:
    def test_what_is_issued_and_revoked_while_the_server_runs_counts_at_once(self, make_site: Make) -> None:
        tickets = Tickets(valid=set())
        site = make_site(more_sources=[tickets])
        client = site.connect()
        for names, expected in (((), 401), (("guest",), 200), (("other",), 401), (("guest", "other"), 200)):
            tickets.valid = set(names)
            client.send(spell("X-Ticket: guest"))
            assert client.answers()[-1].status == expected, "on an open connection too"

    def test_whether_there_are_any_is_asked_at_each_request(self, make_site: Make) -> None:
        tickets = Tickets(valid=set())
        site = make_site(more_sources=[tickets], configured=False)
        assert ask(site, "X-Ticket: guest").json["error"] == "token_not_configured"
        assert ask(site).json["error"] == "token_not_configured"
        tickets.valid = {"guest"}
        assert ask(site, "X-Ticket: guest").status == 200
        assert ask(site).json["error"] == "missing_api_key"
        assert ask(site, f"X-API-Key: {TOKEN}").json["error"] == "invalid_api_key"
        tickets.valid = set()
        assert ask(site).json["error"] == "token_not_configured"


class TestChallenges:
    def list_challenges(self, site: TestSite, path: str) -> list[bytes]:
        client = site.connect()
        client.send(spell(path=path))
        lines = client.received.partition(b"\r\n\r\n")[0].split(b"\r\n")
        return [line.partition(b": ")[2] for line in lines if line.startswith(b"WWW-Authenticate: ")]

    def test_one_answer_has_those_of_all_sources_in_their_order(self, make_site: Make) -> None:
        site = make_site(more_sources=[Tickets()])
        assert self.list_challenges(site, "/api/demo/key") == [
            b'Ticket realm="tests"',
            b'ApiKey realm="cloudsvc"',
            b'Bearer realm="cloudsvc"',
        ]

    def test_a_source_may_ask_on_some_paths_only(self, make_site: Make) -> None:
        site = make_site(more_sources=[Tickets(asked_below=b"/api/demo/scope")])
        assert len(self.list_challenges(site, "/api/demo/key")) == 2
        assert len(self.list_challenges(site, "/api/demo/scope")) == 3

    def test_equal_ones_are_listed_once(self, make_site: Make) -> None:
        site = make_site(more_sources=[Tickets(), Tickets()])
        assert len(self.list_challenges(site, "/api/demo/key")) == 3


class TestAttempts:
    def test_guesses_are_limited_whatever_the_kind_of_credential(self, make_site: Make) -> None:
        site = limit(make_site, Tickets())
        statuses = [ask(site, f"X-Ticket: guess {n}").status for n in range(3)]
        assert statuses == [401, 401, 429]
        assert ask(site, "X-Ticket: guest").status == 429, "or a guess would show that it is the right one"
        assert ask(site, "X-API-Key: another").status == 429, "they are counted together"
        assert ask(site, "X-Ticket: guest", host="192.0.2.2").status == 200

    def test_the_right_one_gets_in_after_the_wait(self, make_site: Make) -> None:
        site = make_site()
        throttle = Throttle(
            FixedWindowStore(lambda: NOW + site.clock.seconds()),
            {"api": parse_rate("99/minute"), "failure": parse_rate("2/minute")},
            "allow",
        )
        site = make_site(more_sources=[Tickets()], throttle=throttle, clock=site.clock)
        for n in range(3):
            ask(site, f"X-Ticket: guess {n}")
        site.clock.advance(int(ask(site, "X-Ticket: guest").headers["Retry-After"]))
        assert ask(site, "X-Ticket: guest").status == 200

    def test_beyond_their_rate_guesses_are_not_looked_up(self, make_site: Make) -> None:
        tickets = Tickets(slow=True)
        site = limit(make_site, tickets)
        kept = site.connect()
        kept.send(spell("X-Ticket: guest"))
        tickets.pending.pop().callback(None)
        for n in range(2):
            client = site.connect()
            client.send(spell(f"X-Ticket: guess {n}"))
            tickets.pending.pop().callback(None)
            assert client.answer().status == 401
        answers = [ask(site, f"X-Ticket: {name}") for name in ("another", "guest", "guest")]
        assert [answer.status for answer in answers] == [429] * 3
        assert len({answer.body.partition(b"request_id")[0] for answer in answers}) == 1
        assert tickets.cancelled == 3
        assert site.tally.guarded[-6:] == ["invalid", "throttled /api/demo/key"] * 3
        kept.send(spell("X-Ticket: guest"))
        tickets.pending.pop().callback(None)
        assert kept.answers()[-1].status == 200, "a connection goes on with what was accepted on it"


class TestByPrincipal:
    def count_allowed(self, site: TestSite, name: str, host: str, times: int = 4) -> int:
        return [ask(site, f"X-Ticket: {name}", host=host).status for _ in range(times)].count(200)

    def test_addresses_of_one_principal_share_its_rate(self, make_site: Make) -> None:
        site = limit(make_site, Tickets(), by="principal")
        assert self.count_allowed(site, "guest", "192.0.2.1") == 3
        assert self.count_allowed(site, "guest", "192.0.2.2") == 0

    def test_principals_at_one_address_have_a_rate_each(self, make_site: Make) -> None:
        site = limit(make_site, Tickets(valid={"guest", "other"}), by="principal")
        assert self.count_allowed(site, "guest", "192.0.2.1") == 3
        assert self.count_allowed(site, "other", "192.0.2.1") == 3

    def test_a_principal_who_is_called_like_an_address_is_not_counted_with_it(self, make_site: Make) -> None:
        tickets = Tickets(valid={"192.0.2.1"})
        site = limit(make_site, tickets, by="principal")
        assert self.count_allowed(site, "192.0.2.1", "192.0.2.1") == 3
        assert ask(site, path="/api/demo/by-client", host="192.0.2.1").status == 200

    def test_by_client_is_the_default(self, make_site: Make) -> None:
        site = limit(make_site, Tickets(valid={"guest", "other"}))
        assert self.count_allowed(site, "guest", "192.0.2.1") == 3
        assert self.count_allowed(site, "other", "192.0.2.1") == 0
        assert self.count_allowed(site, "guest", "192.0.2.2") == 3

    def test_a_route_may_say_otherwise(self, make_site: Make) -> None:
        site = limit(make_site, Tickets())
        statuses = [
            ask(site, "X-Ticket: guest", path="/api/demo/by-principal", host=f"192.0.2.{n}").status for n in range(4)
        ]
        assert statuses == [200, 200, 200, 429]

    def test_a_route_without_a_principal_counts_its_clients(self, make_site: Make) -> None:
        site = limit(make_site, Tickets(), by="principal")
        statuses = [ask(site, path="/api/demo/by-client", host=f"192.0.2.{n}").status for n in (1, 1, 1, 1, 2)]
        assert statuses == [200, 200, 200, 429, 200]
