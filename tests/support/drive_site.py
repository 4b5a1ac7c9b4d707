"""The routes of the drive on a real drive, reached over channels in memory."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from attrs import evolve, frozen
from twisted.internet.task import Clock, deferLater

from cloudsvc.access.credentials import CredentialSource
from cloudsvc.api.drive import DriveApplication
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.nodes import Instant
from cloudsvc.drive.settings import StorageSettings
from cloudsvc.drive.thumbnails import Thumbnails
from cloudsvc.extend import Services, Tools
from cloudsvc.observe.metrics import Metrics
from tests.support.opened_drives import OpenDrive, open_drive
from tests.support.site import NOW, TOKEN, Answer, Client, TestSite
from tests.support.thumbnails.in_memory import MemoryThumbnails

BOUNDARY = "a boundary of the tests"


def make_form(content: bytes, *, name: str = "file", media_type: str | None = None) -> bytes:
    """A form with one file."""
    declared = f"Content-Type: {media_type}\r\n" if media_type else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n{declared}\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


FORM = {"Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"'}


@frozen(kw_only=True)
class DriveSite:
    """A site with nothing but a drive."""

    site: TestSite
    opened: OpenDrive
    metrics: Metrics

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, *, key: bool = True
    ) -> Client:
        """One request on a connection of its own."""
        fields = {"Host": "localhost", **({"X-API-Key": TOKEN} if key else {}), **(headers or {})}
        if body and "Transfer-Encoding" not in fields:
            fields.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        client = self.site.connect()
        client.send(f"{method} /api{path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return client

    async def ask(self, method: str, path: str, body: bytes = b"", headers: Any = None, *, key: bool = True) -> Answer:
        """The answer to one request."""
        from twisted.internet import reactor  # noqa: PLC0415  # installed by then

        before = len(self.site.tally.departures)
        client = self.send(method, path, body, headers, key=key)
        while len(self.site.tally.departures) == before:
            await deferLater(cast("Any", reactor), 0.001)
        answer = read_head(client) if method == "HEAD" else client.answer()
        # One client may have only so many connections.
        client.leave()
        return answer

    async def follow(self, path: str, marker: bytes, headers: Any = None, *, key: bool = True) -> Client:
        """A client that has asked for a stream and received ``marker`` of it, or all of an answer that has an end."""
        before = len(self.site.tally.departures)
        client = self.send("GET", path, b"", headers, key=key)
        await self.wait_until(lambda: marker in client.received or len(self.site.tally.departures) > before)
        return client

    def count_followers(self) -> int:
        """How many followers the metrics tell of."""
        found = re.search(rb"^drive_followers (\d+)", self.metrics.expose().body, re.MULTILINE)
        assert found is not None
        return int(found[1])

    async def wait_until(self, is_so: Callable[[], bool], *, seconds: float = 1) -> None:
        """
        Let time pass on the clock of the site until something is so.

        :param seconds: that pass there in each real millisecond or more. How many that come to in all is up to the
            machine; so whoever asks what is done before some moment lets little pass.
        """
        from twisted.internet import reactor  # noqa: PLC0415  # installed by then

        for _ in range(10_000):
            if is_so():
                return
            await deferLater(cast("Any", reactor), 0.001)
            self.site.clock.advance(seconds)
        raise AssertionError("it never was")


def read_head(client: Client) -> Answer:
    """An answer to ``HEAD``, which has fields about a content that it has not."""
    head = client.received.replace(b"Content-Length", b"Announced-Length")
    assert head.endswith(b"\r\n\r\n")
    client.transport.clear()
    client.transport.write(head)
    return client.answer()


@asynccontextmanager
async def open_site(
    directory: Path,
    *,
    more_sources: Sequence[CredentialSource] = (),
    make_thumbnails: Callable[[Drive], Thumbnails] = lambda drive: MemoryThumbnails().serve(drive),
    now: Callable[[], Instant] = lambda: time.time_ns() // 1000,
    engine: str = "sqlite",
    **settings: Any,
) -> AsyncIterator[DriveSite]:
    """A drive in ``directory`` with its routes, closed at the end; ``engine`` is that of its catalogue."""
    chosen = StorageSettings(**settings)
    clock, metrics = Clock(), Metrics()
    tools = Tools(
        clock=clock,
        now=lambda: NOW,
        threads=cast("Any", None),
        make_threads=cast("Any", None),
        processes=cast("Any", None),
        instruments=metrics.instruments_for("drive"),
        data=directory,
    )
    async with open_drive(directory, chosen.limits, now=now, engine=engine) as opened:
        tools = evolve(
            tools,
            services=Services(
                needs=DriveApplication.needs, opened={Drive: opened.drive, Thumbnails: make_thumbnails(opened.drive)}
            ),
        )
        routes = DriveApplication(chosen, tools).make_routes()
        yield DriveSite(
            site=TestSite(routes=routes, clock=clock, more_sources=more_sources), opened=opened, metrics=metrics
        )
