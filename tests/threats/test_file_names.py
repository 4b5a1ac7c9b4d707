"""A name is a value: by whatever way it comes it is refused or kept as it is, and it never leads anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from twisted.internet.task import Clock
from werkzeug.http import parse_options_header

from cloudsvc.observe.access_log import AccessLog
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.logs import LogWriter
from cloudsvc.web.http1.targets import decode_path
from tests.support.drive_contents import read_state
from tests.support.drive_site import BOUNDARY, FORM, DriveSite, make_form
from tests.support.log_targets import Memory
from tests.support.reactors import in_reactor
from tests.support.site import NOW

pytestmark = pytest.mark.slow

REFUSED = {
    "parent": "..",
    "itself": ".",
    "above": "../x",
    "far above": "a/../../x",
    "absolute": "/etc/passwd",
    "double slash first": "//x",
    "double slash": "a//b",
    "slash last": "a/",
    "NUL": "a\0b",
    "line feed": "a\nb",
    "field": "a\r\nSet-Cookie: a=b",
    "delete": "\x7f",
    "next line": "\x85",
    "line separator": "\u2028",
    "lone surrogate": "a\ud800",
    "256 bytes": "x" * 256,
    "256 bytes of UTF-8": "é" * 128,
    "129 names": "/".join("x" * 129),
    "4097 bytes": "/".join(["x" * 240] * 16 + ["x" * 241]),
}

KEPT = {
    "encoded parent": "%2e%2e",
    "encoded slashes": "..%2f..%2fx",
    "twice encoded": "%252e%252e%252fx",
    "backslashes": "..\\..\\x",
    "drive letter": "C:\\x",
    "three dots": "...",
    "parent and space": ".. ",
    "from right to left": "\u202egnp.exe",
    "full width": "\uff0e\uff0e\uff0fx",
    "home": "~root",
    "device": "CON",
    "command": "$(id);`id`|x",
    "option": "-rf",
    "encoded field": "%0d%0aSet-Cookie: a=b",
    "parameter": 'a"; filename="evil.html',
    "markup": "<script>alert(1)<\\script>",
    "255 bytes": "x" * 255,
    "4096 bytes": "/".join(["y" * 240] * 17),
}

Ask = tuple[str, str, Any]
"""Method, path and body."""


def spell(text: str, safe: str = "") -> str:
    return quote(text, safe=safe, errors="surrogatepass")


def list_ways(text: str) -> Iterator[Ask]:
    """Every way to say a path."""
    for url in {spell(text), spell(text, "/")}:
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            yield method, f"/files/{url}", b"x" if method == "PUT" else b""
        yield "POST", f"/files/{url}", make_form(b"x")
        yield "PATCH", f"/files/{url}", {"new_filepath": "other"}
        yield "GET", f"/files/{url}/thumbnail", b""
        for method in ("GET", "PUT", "DELETE"):
            yield method, f"/folders/{url}", b""
        yield "PATCH", f"/folders/{url}", {"new_path": "other"}
        yield "GET", f"/versions/{url}", b""
        yield "POST", f"/versions/{url}", {"restore": 1}
        yield "POST", f"/trash/1/restore?destination={url}", b""
    yield "GET", f"/files?prefix={spell(text)}/x", b""
    yield "PATCH", "/files/origin", {"new_filepath": text, "add_tags": ["x"]}
    yield "PATCH", "/folders/folder", {"new_path": text}
    yield "POST", "/copies", {"source": "origin", "destination": text}
    yield "POST", "/copies", {"source": text, "destination": "other"}
    for step in (
        {"make_folder": {"path": text}},
        {"move": {"path": "origin", "new_path": text}},
        {"move": {"path": text, "new_path": "other"}},
        {"copy": {"source": "origin", "destination": text}},
        {"copy": {"source": text, "destination": "other"}},
        {"delete": {"path": text}},
        {"restore": {"id": 1, "destination": text}},
        {"tag": {"path": text, "add": ["x"]}},
    ):
        yield "POST", "/batch", {"operations": [{"make_folder": {"path": "before"}}, step]}


def list_parts(place: Path) -> set[str]:
    """The names of everything on disk below ``place``."""
    return {part for path in place.rglob("*") for part in path.relative_to(place).parts}


async def fill(drive: DriveSite) -> None:
    """``origin``, ``folder`` and one entry in the trash."""
    for path in ("origin", "gone"):
        assert (await drive.ask("PUT", f"/files/{path}", b"content")).status == 201
    assert (await drive.ask("DELETE", "/files/gone")).json["trash_id"] == 1
    assert (await drive.ask("PUT", "/folders/folder")).status == 201


async def send(drive: DriveSite, ask: Ask) -> Any:
    method, path, body = ask
    form = FORM if path.startswith("/files") and method == "POST" else {}
    return await drive.ask(method, path, body if isinstance(body, bytes) else json.dumps(body).encode(), form)


@pytest.mark.parametrize("name", REFUSED)
@in_reactor
async def test_what_is_no_name_is_refused_by_every_way(drive: DriveSite, place: Path, name: str) -> None:
    await fill(drive)
    before = read_state(place)
    for ask in list_ways(REFUSED[name]):
        answer = await send(drive, ask)
        assert answer.status == 400, ask
        if ask[0] != "HEAD":
            assert answer.json["message"].isprintable()
            assert "Set-Cookie" not in answer.headers
    assert read_state(place) == before
    assert [*place.parent.iterdir()] == [place]


@pytest.mark.parametrize("name", KEPT)
@in_reactor
async def test_what_is_a_name_stays_that_name_and_never_touches_the_disk(
    drive: DriveSite, place: Path, name: str
) -> None:
    text = KEPT[name]
    url = spell(text, "/")
    await fill(drive)
    put = await drive.ask("PUT", f"/files/{url}", b"content")
    assert (put.status, put.json["filepath"]) == (201, text)
    assert decode_path(b"/" + put.headers["Location"].encode())[-1] == text.rpartition("/")[2]
    got = await drive.ask("GET", f"/files/{url}")
    assert (got.status, got.body) == (200, b"content")
    disposition, options = parse_options_header(got.headers["Content-Disposition"])
    assert (disposition in {"attachment", "inline"}, options) == (True, {"filename": text.rpartition("/")[2]})
    assert "Set-Cookie" not in put.headers
    assert "Set-Cookie" not in got.headers
    assert (await drive.ask("DELETE", f"/files/{url}")).json["filepath"] == text

    async def move_away(kind: str) -> None:
        destination = {"new_filepath": "origin"} if kind == "files" else {"new_path": "folder"}
        assert (await send(drive, ("PATCH", f"/{kind}/{url}", destination))).status == 200

    assert (await send(drive, ("PATCH", "/files/origin", {"new_filepath": text}))).json["filepath"] == text
    await move_away("files")
    assert (await send(drive, ("PATCH", "/folders/folder", {"new_path": text}))).json["path"] == text
    await move_away("folders")
    copied = await send(drive, ("POST", "/copies", {"source": "origin", "destination": text}))
    assert copied.json["path"] == text
    assert (
        "/".join(decode_path(b"/" + copied.headers["Location"].removeprefix("./").encode())[-text.count("/") - 1 :])
        == text
    )
    assert (await drive.ask("DELETE", f"/files/{url}")).status == 200
    assert (await drive.ask("POST", f"/trash/1/restore?destination={spell(text)}")).json["path"] == text
    assert (await drive.ask("DELETE", f"/files/{url}")).status == 200
    steps = [
        {"copy": {"source": "origin", "destination": text}},
        {"delete": {"path": text}},
        {"make_folder": {"path": text}},
    ]
    done = await send(drive, ("POST", "/batch", {"operations": steps}))
    assert [result["path"] for result in done.json["results"]] == [text] * len(steps)

    assert [*place.parent.iterdir()] == [place]
    assert list_parts(place).isdisjoint(text.split("/"))


@pytest.mark.parametrize(
    "parameter",
    [
        'filename="../../evil"',
        'filename="/etc/passwd"',
        'filename="..\\\\..\\\\evil"',
        'filename="C:\\\\evil"',
        'filename="a%0d%0aSet-Cookie: a=b"',
        'filename=""',
        "filename*=UTF-8''..%2Fevil",
        'filename="evil/thumbnail"',
    ],
)
@in_reactor
async def test_the_name_in_a_form_means_nothing(drive: DriveSite, place: Path, parameter: str) -> None:
    body = make_form(b"content").replace(b'filename="x"', parameter.encode())
    assert BOUNDARY.encode() in body
    posted = await drive.ask("POST", "/files/chosen", body, FORM)
    assert (posted.status, posted.json["filepath"]) == (200, "chosen")
    assert [file["filepath"] for file in (await drive.ask("GET", "/files")).json["files"]] == ["chosen"]
    assert [*place.parent.iterdir()] == [place]


@pytest.mark.parametrize("log_format", list(LogFormat))
@in_reactor
async def test_each_request_is_one_line_of_the_log_whatever_it_names(drive: DriveSite, log_format: LogFormat) -> None:
    names = [*REFUSED.values(), *KEPT.values()]
    for text in names:
        await drive.ask("PUT", f"/files/{spell(text)}", b"x")
    memory = Memory()
    log = AccessLog(LogWriter([memory], Clock()), log_format, lambda: NOW, "info", None)
    for line in drive.site.tally.lines:
        log.record(**line)
    lines = memory.text.splitlines()
    assert len(lines) == len(names)
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert not [line for line in lines if line.startswith("Set-Cookie")]
