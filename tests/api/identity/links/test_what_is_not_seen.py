"""
Nothing that is not shared makes any difference to what a visitor is answered.

Two drives hold the same in the folder that is shared, and the second one holds other things as well. A visitor asks
both of them by a link for all that there is to ask, and is answered the same, byte for byte.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

import pytest
from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from cloudsvc.api.identity.links.visitors import VisitorRoutes
from cloudsvc.core.actors import OWNER, Role
from cloudsvc.drive.commands import Discard
from cloudsvc.drive.locating import Locator
from cloudsvc.drive.names import parse_path
from cloudsvc.identity.linking import LinkFields
from cloudsvc.server.drive_folders import DriveFolders
from cloudsvc.web.mounts import list_routes
from tests.support.accounts import Office
from tests.support.drive_site import FORM, make_form
from tests.support.reactors import in_reactor
from tests.support.site import TestSite
from tests.support.two_drives import HIDDEN, World, open_world

SHARED: Final = "way/in"
BELOW: Final = (
    "",
    "a",
    "b.png",
    "deep",
    "deep/c",
    "deep/",
    "none",
    "deep/none",
    "a/b",
    "thrown",
    "hidden",
    "..",
    "a/../..",
)
HTML: Final = {"Accept": "text/html"}
ASKED: Final[tuple[tuple[str, dict[str, str], bytes], ...]] = (
    ("GET", {}, b""),
    ("GET", HTML, b""),
    ("HEAD", {}, b""),
    ("GET", {"Range": "bytes=1-2"}, b""),
    ("GET", {"If-Match": '"none"'}, b""),
    ("PUT", {}, b"new"),
    ("POST", FORM, make_form(b"posted")),
    ("POST", {**FORM, **HTML}, make_form(b"posted")),
    ("DELETE", {}, b""),
)


@frozen
class Visitor:
    """Whoever has a link to the shared folder of a drive."""

    world: World
    site: TestSite
    secret: str

    @classmethod
    async def of(cls, world: World, role: Role) -> Visitor:
        opened = world.site.opened
        folders = DriveFolders(drive=opened.drive, locator=Locator(opened.storage.catalogue))
        office = Office(folders=cast("Any", folders))
        made = await office.linker.make(OWNER, SHARED, role, LinkFields(label="shared"))
        routes = VisitorRoutes(drive=opened.drive, visits=office.visits)
        return cls(world, TestSite(routes=(routes,), mounts=("/s",)), made.secret.reveal())

    async def ask(self, method: str, below: str, fields: dict[str, str], body: bytes) -> Any:
        from twisted.internet import reactor  # noqa: PLC0415  # installed by then

        path = quote(f"/s/{self.secret}/{below}" if below else f"/s/{self.secret}")
        sent = {"Host": "localhost", **fields, **({"Content-Length": str(len(body))} if body else {})}
        before = len(self.site.tally.departures)
        client = self.site.connect()
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        client.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        while len(self.site.tally.departures) == before:
            waiting: Deferred[None] = deferLater(cast("Any", reactor), 0.001)
            await waiting
        told = client.received.replace(self.secret.encode(), b"SECRET")
        client.leave()
        return re.sub(rb'(X-Request-ID: |ETag: |"request_id":")[^"\r]*"?', rb"\1", told)


async def fill(one: World, two: World) -> None:
    number = 0
    for world in (one, two):
        await world.grant(Role.VIEWER)
    for path in ("way/in/a", "way/in/b.png", "way/in/deep/c", "way/in/thrown"):
        number += 1
        for world in (one, two):
            assert await world.take(("store", path, "seen"), number) is None
    for path in HIDDEN:
        number += 1
        await two.take(("store", path, "hidden"), number)
    await two.do(Discard(path=parse_path(HIDDEN[0])))
    for world in (one, two):
        await world.do(Discard(path=parse_path("way/in/thrown")))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.UPLOADER])
@in_reactor
async def test_it_makes_no_difference(tmp_path: Path, role: Role) -> None:
    async with open_world(tmp_path / "one", "elsewhere") as one, open_world(tmp_path / "two", "secret/deeper") as two:
        await fill(one, two)
        visitors = [await Visitor.of(world, role) for world in (one, two)]
        for method, fields, body in ASKED:
            for below in BELOW:
                one.watch.pass_seconds(1)
                two.watch.now = one.watch.now
                told = [await each.ask(method, below, fields, body) for each in visitors]
                assert told[0] == told[1], (method, below, fields)
                # Nor is anybody told where it is.
                assert b"way" not in told[1]


@in_reactor
async def test_a_visitor_who_brings_files_learns_nothing(tmp_path: Path) -> None:
    """What is there is hidden from them as well: in one drive it is, in the other one it is not."""
    async with open_world(tmp_path / "one", "elsewhere") as one, open_world(tmp_path / "two", "secret/deeper") as two:
        for world in (one, two):
            await world.grant(Role.VIEWER)
        for number, path in enumerate(("way/in/a", "way/in/b.png", "way/in/none/c")):
            await two.take(("store", path, "hidden"), number)
        visitors = [await Visitor.of(world, Role.UPLOADER) for world in (one, two)]
        for method, fields, body in ASKED:
            for below in BELOW:
                told = [await each.ask(method, below, fields, body) for each in visitors]
                assert told[0] == told[1], (method, below, fields)


def test_every_route_is_asked() -> None:
    methods = {method for rule, _ in list_routes([VisitorRoutes]) for method in rule.methods or ()}
    assert methods - {"OPTIONS"} <= {method for method, _, _ in ASKED}


@pytest.mark.parametrize("name", sorted(operation.name for _, operation in list_routes([VisitorRoutes])))
def test_every_route_is_throttled_and_asks_for_a_link_before_the_body(name: str) -> None:
    [(rule, operation)] = [each for each in list_routes([VisitorRoutes]) if each[1].name == name]
    assert (operation.scope, operation.throttle) == (None, "transfer")
    office = Office()
    site = TestSite(routes=(VisitorRoutes(drive=cast("Any", None), visits=office.visits),), mounts=("/s",))
    path = rule.rule.replace("<token>", f"csl_{'0' * 65}").replace("<below:path>", "a")
    for method in operation.methods:
        client = site.connect()
        client.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n".encode())
        assert client.received.startswith(b"HTTP/1.1 404 "), method
        assert site.tally.guarded[-1] == "invalid"
        client.leave()
