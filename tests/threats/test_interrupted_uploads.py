"""An upload that is cut off, wherever, leaves the old version as it was and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.task import deferLater

from tests.support.drive_contents import read_state
from tests.support.drive_site import FORM, DriveSite, make_form
from tests.support.reactors import in_reactor
from tests.support.site import TOKEN

FORM_BODY = make_form(b"new content").removesuffix(b"\r\n")

UPLOADS: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "fixed": ("PUT", "old", {"Content-Length": "11"}, b"new content"),
    "chunked": ("PUT", "old", {"Transfer-Encoding": "chunked"}, b"4\r\nnew \r\n7\r\ncontent\r\n0\r\n\r\n"),
    "form": ("POST", "new", {**FORM, "Content-Length": str(len(FORM_BODY))}, FORM_BODY),
}


async def wait_a_little() -> None:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    await deferLater(cast("Any", reactor), 0.001)


@pytest.mark.parametrize("framing", UPLOADS)
@in_reactor
async def test_cut_off_at_any_byte_it_leaves_nothing(drive: DriveSite, place: Path, framing: str) -> None:
    method, path, fields, body = UPLOADS[framing]
    assert (await drive.ask("PUT", "/files/old", b"old content")).status == 201
    before = read_state(place)
    named = {"Host": "localhost", "X-API-Key": TOKEN, **fields}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    head = f"{method} /api/files/{path} HTTP/1.1\r\n{lines}\r\n".encode()
    whole = head + body
    for end in range(len(whole)):
        departed = len(drive.site.tally.departures)
        client = drive.site.connect()
        client.send(whole[:end])
        await wait_a_little()
        client.leave()
        while end >= len(head) and len(drive.site.tally.departures) == departed:
            await wait_a_little()
    for _ in range(1000):
        if read_state(place) == before:
            break
        await wait_a_little()
    assert read_state(place) == before
    assert (await drive.ask("GET", "/files/old")).body == b"old content"
    client = drive.site.connect()
    client.send(whole)
    while not client.received:
        await wait_a_little()
    assert client.answer().status == (200 if framing == "form" else 204)
    client.leave()
    assert (await drive.ask("GET", f"/files/{path}")).body == b"new content"
