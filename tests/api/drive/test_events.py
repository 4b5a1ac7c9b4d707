"""The feed of changes, over the routes and on real storage."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cloudsvc.core.actors import OWNER, Role
from cloudsvc.drive.names import parse_path
from tests.support.actors import make_guest
from tests.support.credential_sources import Tickets
from tests.support.drive_site import DriveSite, open_site
from tests.support.reactors import in_reactor
from tests.support.site import Client
from tests.support.tls.certificates import logged
from tests.support.two_drives import Impersonation

BEAT = b"\n:\n"


def read_events(client: Client) -> list[Any]:
    return [json.loads(each) for each in re.findall(rb"id: [^\n]+\ndata: (.*)\n\n", client.received)]


async def find_position(drive: DriveSite, **headers: str) -> str:
    answer = await drive.ask("GET", "/changes", headers=headers, key=not headers)
    assert (answer.status, answer.json["changes"]) == (200, [])
    position: str = answer.json["position"]
    return position


class TestChanges:
    @in_reactor
    async def test_a_client_lists_and_then_follows(self, drive: DriveSite) -> None:
        await drive.ask("PUT", "/files/x/a.txt", b"before")
        position = await find_position(drive)
        stored = await drive.ask("PUT", "/files/x/b.txt", b"12345")
        await drive.ask("DELETE", "/files/x/a.txt")
        answer = await drive.ask("GET", f"/changes?since={position}")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        created, discarded = answer.json["changes"]
        assert (
            created.items()
            >= {
                "kind": "created",
                "path": "x/b.txt",
                "source": None,
                "is_folder": False,
                "mime_type": "text/plain",
                "size": 5,
                "etag": stored.headers["ETag"],
            }.items()
        )
        assert (discarded["kind"], discarded["path"], discarded["etag"]) == ("discarded", "x/a.txt", None)
        assert answer.json["position"] == discarded["id"]
        rest = await drive.ask("GET", f"/changes?since={created['id']}")
        assert rest.json["changes"] == [discarded]
        nothing = await drive.ask("GET", f"/changes?since={discarded['id']}")
        assert (nothing.json["changes"], nothing.json["position"]) == ([], discarded["id"])

    @in_reactor
    async def test_who_waits_is_answered_when_something_happens(self, drive: DriveSite) -> None:
        client = drive.send("GET", f"/changes?since={await find_position(drive)}&wait=60")
        await drive.wait_until(lambda: drive.count_followers() == 1, seconds=0.001)
        assert client.received == b""
        await drive.ask("PUT", "/files/a", b"1")
        await drive.wait_until(lambda: client.received != b"", seconds=0.001)
        assert [each["path"] for each in client.answer().json["changes"]] == ["a"]
        client.leave()

    @in_reactor
    async def test_who_waits_in_vain_is_answered_too(self, drive: DriveSite) -> None:
        position = await find_position(drive)
        client = drive.send("GET", f"/changes?since={position}&wait=60")
        await drive.wait_until(lambda: client.received != b"")
        assert drive.site.clock.seconds() >= 60
        assert client.answer().json["position"] == position
        client.leave()

    @pytest.mark.parametrize(
        ("query", "status", "error"),
        [
            ("since=", 400, "invalid_position"),
            ("since=12", 400, "invalid_position"),
            ("since=a-b", 400, "invalid_position"),
            ("since=0123-99999999999999999999", 400, "invalid_position"),
            ("since=0123-1&wait=61", 400, "invalid_query"),
            ("since=0123-1", 410, "changes_expired"),
        ],
    )
    @in_reactor
    async def test_what_is_no_position_is_refused(self, drive: DriveSite, query: str, status: int, error: str) -> None:
        for path in ("/changes", "/events") if "wait" not in query and query != "since=" else ("/changes",):
            answer = await drive.ask("GET", f"{path}?{query}")
            assert (answer.status, answer.json["error"]) == (status, error)


class TestEvents:
    @in_reactor
    async def test_what_happens_is_sent(self, drive: DriveSite) -> None:
        client = await drive.follow("/events", BEAT)
        head, _, _ = client.received.partition(b"\r\n\r\n")
        for line in (b"Content-Type: text/event-stream", b"Cache-Control: no-store", b"X-Accel-Buffering: no"):
            assert line in head.split(b"\r\n")
        position = await find_position(drive)
        assert re.search(rb"retry: [1-4]\d{3}\nid: %b\nevent: ready\n" % position.encode(), client.received)
        await drive.ask("PUT", "/files/a%20b", b"1")
        await drive.wait_until(lambda: b"a b" in client.received)
        [told] = read_events(client)
        assert [told] == (await drive.ask("GET", f"/changes?since={position}")).json["changes"]
        client.leave()

    @in_reactor
    async def test_who_comes_again_goes_on_after_the_last_event(self, drive: DriveSite) -> None:
        for name in "abc":
            await drive.ask("PUT", f"/files/{name}", b"1")
        whole = await drive.follow(f"/events?since={(await find_position(drive)).split('-')[0]}-0", BEAT)
        events = read_events(whole)
        assert [each["path"] for each in events] == ["a", "b", "c"]
        again = await drive.follow("/events", BEAT, {"Last-Event-ID": events[0]["id"]})
        assert read_events(again) == events[1:]
        for client in (whole, again):
            client.leave()

    @in_reactor
    async def test_head_has_no_content_and_holds_nothing(self, drive: DriveSite) -> None:
        answer = await drive.ask("HEAD", "/events")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")

    @in_reactor
    async def test_who_leaves_leaves_nothing_behind(self, drive: DriveSite) -> None:
        client = await drive.follow("/events", BEAT)
        client.leave()
        assert [drive.site.tally.lines[-1][name] for name in ("path", "status")] == [b"/api/events", 499]
        drive.site.clock.advance(5)
        assert drive.site.clock.getDelayedCalls() == []


@in_reactor
async def test_whose_rights_end_is_told_nothing_more(tmp_path: Path) -> None:
    source = Impersonation()
    async with open_site(tmp_path, more_sources=(source,)) as drive:
        for path in ("x", "y"):
            await drive.ask("PUT", f"/folders/{path}")
        folder = await drive.opened.drive.find(OWNER, parse_path("x"))
        source.guest = make_guest((Role.VIEWER, folder.id))
        guests = [await drive.follow("/events", BEAT, {"X-Guest": "1"}, key=False) for _ in range(3)]
        owner = await drive.follow("/events", BEAT)
        source.guest = make_guest()
        before = len(drive.site.tally.departures)
        drive.site.clock.advance(1)
        assert len(drive.site.tally.departures) == before + 3
        assert all(client.received.endswith(b"0\r\n\r\n") for client in guests)
        await drive.ask("PUT", "/files/x/a", b"1")
        await drive.wait_until(lambda: b"x/a" in owner.received)
        for client in (*guests, owner):
            client.leave()


@in_reactor
async def test_a_look_up_that_fails_ends_nothing(tmp_path: Path) -> None:
    tickets = Tickets(scopes=frozenset({"files:read"}))
    async with open_site(tmp_path, more_sources=(tickets,)) as drive:
        client = await drive.follow("/events", BEAT, {"X-Ticket": "guest"}, key=False)
        before = len(drive.site.tally.departures)
        tickets.problem = OSError()
        with logged() as lines:
            drive.site.clock.advance(1)
        assert len(lines) == 1
        assert len(drive.site.tally.departures) == before
        tickets.problem = None
        tickets.valid.clear()
        drive.site.clock.advance(1)
        assert len(drive.site.tally.departures) == before + 1
        client.leave()


@in_reactor
async def test_followers_are_counted(drive: DriveSite) -> None:
    assert drive.count_followers() == 0
    client = await drive.follow("/events", BEAT)
    assert drive.count_followers() == 1
    client.leave()
    assert drive.count_followers() == 0
