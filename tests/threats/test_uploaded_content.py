"""Whatever a file is, a browser that opens it runs nothing of it in this server's origin."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from cloudsvc.administration.importing import Importer
from cloudsvc.administration.planning import Planner
from cloudsvc.administration.progress import SILENCE
from cloudsvc.administration.source import read_tree
from cloudsvc.core.actors import OWNER
from tests.support.administration import find, opened
from tests.support.browser import browsing
from tests.support.drive_servers import curl, run_drive
from tests.support.drive_site import FORM, DriveSite, make_form
from tests.support.reactors import in_reactor
from tests.support.site import Answer
from tests.support.upstream import make_upstream

pytestmark = pytest.mark.slow

MARK = "document.title = 'it ran'"
HTML = f"<!doctype html><script>{MARK}</script>".encode()
XHTML = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><script>{MARK}</script></head></html>'.encode()
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg"><title>quiet</title>'
    b"<script>document.querySelector('title').textContent = 'it ran'</script></svg>"
)
STYLED = (
    b'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#s"?><x:stylesheet id="s" version="1.0" '
    b'xmlns:x="http://www.w3.org/1999/XSL/Transform"><x:template match="/">' + XHTML + b"</x:template></x:stylesheet>"
)
RELATED = b"--b\r\nContent-Type: text/html\r\n\r\n" + HTML + b"\r\n--b--\r\n"

ACTIVE = {
    "page.html": ("text/html", HTML),
    "page.htm": ("text/html; charset=utf-7", HTML),
    "page.xhtml": ("application/xhtml+xml", XHTML),
    "picture.svg": ("image/svg+xml", SVG),
    "styled.xml": ("text/xml", STYLED),
    "styled2.xml": ("application/xml", STYLED),
    "sheet.xsl": ("application/xslt+xml", STYLED),
    "script.js": ("text/javascript", MARK.encode()),
    "module.mjs": ("application/javascript", MARK.encode()),
    "text.md": ("text/markdown", b"# Title\n" + HTML),
    "archive.mhtml": ("multipart/related; boundary=b", RELATED),
    "replaced.html": ("multipart/x-mixed-replace; boundary=b", RELATED),
    "app.pdf": ("application/pdf", b"%PDF-1.4"),
    "unknown": ("application/x-unknown", HTML),
}
LIES = {
    "lie.png": ("image/png", HTML),
    "lie.txt": ("text/plain", HTML),
    "lie.mp4": ("video/mp4", SVG),
}
"""What is shown, and must not be taken for what it is."""

TWO_WAYS = [
    "text/html;text/plain",
    "text/plain, text/html",
    "text/plain\ttext/html",
    "text/plain text/html",
    "*",
    "*/*",
]


def check(answer: Answer, *, shown: bool, played: bool) -> None:
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    # Around a film the browser makes a page, which loads it. No scripts are allowed there either.
    policy = (
        "sandbox allow-same-origin; default-src 'none'; media-src 'self'" if played else "sandbox; default-src 'none'"
    )
    assert answer.headers["Content-Security-Policy"] == policy
    disposition = answer.headers["Content-Disposition"].partition(";")[0]
    assert disposition == ("inline" if shown else "attachment")


@pytest.mark.parametrize("how", ["put", "posted", "told by its name", "earlier version", "renamed"])
@pytest.mark.parametrize("name", [*ACTIVE, *LIES])
@in_reactor
async def test_every_way_to_a_file_keeps_it_from_running(drive: DriveSite, name: str, how: str) -> None:
    media_type, content = (ACTIVE | LIES)[name]
    url = f"/files/{name}"
    if how == "posted":
        await drive.ask("POST", url, make_form(content, media_type=media_type), FORM)
    else:
        sent = {} if how == "told by its name" else {"Content-Type": media_type}
        stored = await drive.ask("PUT", url, content, sent)
        assert stored.status == 201
    if how == "earlier version":
        version = (await drive.ask("GET", f"/versions/{name}")).json["versions"][0]["id"]
        await drive.ask("PUT", url, b"harmless", {"Content-Type": "text/plain"})
        url += f"?version={version}"
    if how == "renamed":
        await drive.ask("PATCH", url, b'{"new_filepath":"harmless.png"}')
        url = "/files/harmless.png"
    for method, fields in (
        ("GET", {}),
        ("HEAD", {}),
        ("GET", {"Range": "bytes=0-3"}),
        ("GET", {"Range": "bytes=0-0,2-3"}),
    ):
        answer = await drive.ask(method, url, headers=fields)
        assert answer.status == (206 if fields else 200)
        check(answer, shown=name in LIES, played=name == "lie.mp4")


@in_reactor
async def test_a_cache_that_asks_again_keeps_the_policy(drive: DriveSite) -> None:
    """The fields of a 304 take the place of those that were kept (RFC 9111 section 3.2)."""
    stored = await drive.ask("PUT", "/files/page.html", HTML)
    again = await drive.ask("GET", "/files/page.html", headers={"If-None-Match": stored.headers["ETag"]})
    assert again.status == 304
    assert again.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert again.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("declared", TWO_WAYS)
@in_reactor
async def test_a_type_that_can_be_read_in_two_ways_is_refused(drive: DriveSite, declared: str) -> None:
    put = await drive.ask("PUT", "/files/a", HTML, {"Content-Type": declared})
    posted = await drive.ask("POST", "/files/a", make_form(HTML, media_type=declared), FORM)
    assert (put.json["error"], posted.json["error"]) == ("invalid_media_type",) * 2


@pytest.mark.parametrize("written", TWO_WAYS)
@in_reactor
async def test_one_that_is_imported_is_left_to_the_name(tmp_path: Path, written: str) -> None:
    server = make_upstream(tmp_path / "server", {"a.bin": (HTML, [])})
    entries = json.loads((server / "metadata.json").read_text())
    entries["a.bin"]["mime_type"] = written
    (server / "metadata.json").write_text(json.dumps(entries))
    async with opened(tmp_path / "drive") as drive:
        plan = await Planner(actor=OWNER, uploads=drive.uploads, disk=drive.disk).plan(read_tree(server), SILENCE)
        await Importer(drive=drive.drive, actor=OWNER, disk=drive.disk).carry_out(plan, SILENCE)
        assert (await find(drive, "a.bin")).version.media_type == "application/octet-stream"


@in_reactor
async def test_only_what_browsers_play_may_load_itself(drive: DriveSite) -> None:
    for media_type, attached in (
        ("video/webm", False),
        ("audio/mpeg", False),
        ("video/x+xml", True),
        ("audio/x-own", True),
    ):
        url = f"/files/{media_type.replace('/', '.')}"
        assert (await drive.ask("PUT", url, HTML, {"Content-Type": media_type})).status == 201
        answer = await drive.ask("GET", url)
        assert ("allow-same-origin" in answer.headers["Content-Security-Policy"]) is not attached
        assert "allow-scripts" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Disposition"].startswith("attachment" if attached else "inline")


def test_a_real_browser_runs_nothing(tmp_path: Path) -> None:
    """Saved rather than shown; and where they were shown, still quiet. From elsewhere they do run."""
    names = ("page.html", "page.xhtml", "picture.svg")
    (tmp_path / "browser").mkdir()
    with run_drive(tmp_path / "home") as server, browsing(tmp_path / "browser", server.certificate) as page:
        for name, (media_type, content) in (ACTIVE | LIES).items():
            (tmp_path / "content").write_bytes(content)
            sent = ("-T", tmp_path / "content", "-H", f"Content-Type: {media_type}")
            assert curl(server, f"/api/files/{name}", *sent).status == 201
        page.call("Network.setExtraHTTPHeaders", headers={"X-API-Key": server.token})
        for name in ACTIVE:
            answer = page.call("Page.navigate", url=f"{server.url}/api/files/{name}")
            assert answer.get("errorText") == "net::ERR_ABORTED", name
            assert page.evaluate("location.href") == "about:blank"
        for name in LIES:
            page.open(f"{server.url}/api/files/{name}")
            assert page.evaluate("document.title") != "it ran", name
        page.remove("Content-Disposition")
        for name in names:
            page.open(f"{server.url}/api/files/{name}")
            assert page.evaluate("document.title") != "it ran", name
            assert page.evaluate("origin") == "null", name
        for name in names:
            media_type, content = ACTIVE[name]
            page.open(f"data:{media_type},{quote(content)}")
            assert page.evaluate("document.title") == "it ran", name
