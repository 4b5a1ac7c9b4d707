"""Recording of requests: what may have changed something, before the answer, and whoever was refused."""

from __future__ import annotations

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.web.http1.request import Request
from tests.support.site import TOKEN, TestSite
from tests.support.web_routes import Demo

KEY = f"X-API-Key: {TOKEN}\r\n"
UNAVAILABLE = CloudError(Kind.UNAVAILABLE, "audit_unavailable", "full")


@define(eq=False)
class Notes:
    """What was told, and what is answered."""

    told: list[tuple[str, str, int, str]] = field(factory=list)
    noted: list[tuple[str, str, int, str]] = field(factory=list)
    seen: list[tuple[str, int]] = field(factory=list)
    refuses: bool = False
    fails: bool = False
    slow: Deferred[None] | None = None

    def check(self) -> None:
        if self.refuses:
            raise UNAVAILABLE

    async def record(self, request: Request, status: int) -> None:
        if self.slow is not None:
            await self.slow
        if self.fails:
            raise UNAVAILABLE
        self.told.append(_tell(request, status))

    def see(self, request: Request, status: int) -> None:
        self.seen.append((request.pattern, status))

    def note(self, request: Request, status: int) -> None:
        self.noted.append(_tell(request, status))


def _tell(request: Request, status: int) -> tuple[str, str, int, str]:
    return request.method.decode(), request.pattern, status, request.principal.actor.name if request.principal else ""


@pytest.fixture
def notes(site: TestSite) -> Notes:
    notes = Notes()
    site.site.recorder = notes
    return notes


def write(method: str, path: str, fields: str = KEY, body: str = "") -> bytes:
    length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{fields}{length}\r\n{body}".encode()


def test_a_change_is_told_before_it_is_answered(site: TestSite, notes: Notes) -> None:
    notes.slow = Deferred()
    client = site.connect()
    client.send(write("DELETE", "/api/demo/nothing"))
    assert not client.received
    notes.slow.callback(None)
    assert client.answer().status == 204
    assert notes.told == [("DELETE", "/api/demo/nothing", 204, "")]
    assert not notes.noted


def test_what_changes_nothing_is_not_told(site: TestSite, notes: Notes) -> None:
    assert site.ask(write("GET", "/api/demo/key")).status == 200
    assert site.ask(write("OPTIONS", "/api/demo/things")).status == 204
    assert site.ask(write("GET", "/api/nowhere")).status == 404
    assert not notes.told + notes.noted


def test_whoever_is_refused_is_told_with_their_name_where_it_is_known(site: TestSite, notes: Notes) -> None:
    assert site.ask(write("GET", "/api/demo/key", "")).status == 401
    assert site.ask(write("PUT", "/api/demo/upload", "X-API-Key: wrong\r\n")).status == 401
    assert notes.noted == [("GET", "/api/demo/key", 401, ""), ("PUT", "/api/demo/upload", 401, "")]
    assert not notes.told


def test_nothing_is_changed_that_could_not_be_told(site: TestSite, demo: Demo, notes: Notes) -> None:
    change = write("PUT", "/api/demo/upload", body="{}")
    assert site.ask(change).status == 200
    assert demo.events == ["read 2"]
    notes.refuses = True
    answer = site.ask(change)
    assert (answer.status, answer.json["error"]) == (503, "audit_unavailable")
    assert demo.events == ["read 2"]
    assert site.ask(write("GET", "/api/demo/key")).status == 200


def test_nobody_hears_of_a_change_that_could_not_be_told(site: TestSite, notes: Notes) -> None:
    notes.fails = True
    assert site.ask(write("DELETE", "/api/demo/nothing")).status == 503


def test_errors_are_told_with_their_status(site: TestSite, notes: Notes) -> None:
    assert site.ask(write("GET", "/api/demo/conflict")).status == 409
    assert site.ask(write("POST", "/api/demo/things", body="{}")).status == 400
    assert [status for *_, status, _ in notes.noted] == [409, 400]
    assert site.ask(write("GET", "/api/demo/crash")).status == 500
    assert notes.noted[-1] == ("GET", "/api/demo/crash", 500, "")
