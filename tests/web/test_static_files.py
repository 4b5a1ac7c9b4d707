"""A directory served as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater

from cloudsvc.web.resources import Tree
from cloudsvc.web.static_files import StaticFiles
from tests.support.reactors import in_reactor
from tests.support.site import Answer, TestSite


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    root = tmp_path / "pages"
    (root / "guide").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "index.html").write_text("<h1>home</h1>")
    (root / "guide" / "index.html").write_text("<h1>guide</h1>")
    (root / "a b.txt").write_text("text")
    (root / ".hidden").write_text("secret")
    (tmp_path / "outside.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    (root / "up").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    return root


def serve(site: TestSite, pages: Path) -> TestSite:
    site.site.tree = Tree(mounts={}, others=StaticFiles(pages))
    return site


def get(site: TestSite, path: str, method: str = "GET", *lines: str) -> Answer:
    head = "".join(f"{line}\r\n" for line in lines)
    return site.ask(f"{method} {path} HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode())


async def fetch(site: TestSite, path: str, *lines: str) -> Answer:
    """As :func:`get`, for content that Twisted sends piece by piece from the reactor."""
    client = site.connect()
    head = "".join(f"{line}\r\n" for line in lines)
    client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode())
    while client.channel.requests:
        await deferLater(reactor, 0)
    return client.answer()


@in_reactor
async def test_directories_answer_with_their_index(site: TestSite, pages: Path) -> None:
    serve(site, pages)
    assert (await fetch(site, "/")).body == b"<h1>home</h1>"
    answer = await fetch(site, "/guide/")
    assert answer.body == b"<h1>guide</h1>"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_directory_without_slash_redirects_relatively(site: TestSite, pages: Path) -> None:
    answer = get(serve(site, pages), "/guide")
    assert (answer.status, answer.headers["Location"]) == (308, "./guide/")
    assert get(site, "/guide?a=b").headers["Location"] == "./guide/?a=b"


@in_reactor
async def test_files_are_typed_and_can_be_asked_for_in_part(site: TestSite, pages: Path) -> None:
    serve(site, pages)
    answer = await fetch(site, "/a%20b.txt")
    assert (answer.body, answer.headers["Content-Type"]) == (b"text", "text/plain; charset=utf-8")
    assert (await fetch(site, "/a%20b.txt", "Range: bytes=1-2")).body == b"ex"
    modified = answer.headers["Last-Modified"]
    assert get(site, "/a%20b.txt", "GET", f"If-Modified-Since: {modified}").status == 304


@in_reactor
async def test_well_known_places_are_served(site: TestSite, pages: Path) -> None:
    (pages / ".well-known/acme-challenge").mkdir(parents=True)
    (pages / ".well-known/acme-challenge/token").write_text("key")
    (pages / ".well-known/.hidden").write_text("secret")
    (pages / "guide/.well-known").mkdir()
    (pages / "guide/.well-known/token").write_text("key")
    assert (await fetch(serve(site, pages), "/.well-known/acme-challenge/token")).body == b"key"
    assert get(site, "/.well-known/.hidden").status == 404
    assert get(site, "/guide/.well-known/token").status == 404


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.tar.gz", "application/gzip"), ("a.css.GZ", "application/gzip"), ("a", "application/octet-stream")],
)
@in_reactor
async def test_what_is_packed_is_sent_packed(site: TestSite, pages: Path, name: str, kind: str) -> None:
    (pages / name).write_bytes(b"packed")
    answer = await fetch(serve(site, pages), f"/{name}")
    assert (answer.body, answer.headers["Content-Type"]) == (b"packed", kind)
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("ranges", ["0-,0-", "1-2, 3-", "9-,9-", "a", "-", "2-1", "--1", "0-\xff", "9" * 30 + "-"])
@in_reactor
async def test_other_ranges_than_one_are_ignored(site: TestSite, pages: Path, ranges: str) -> None:
    serve(site, pages)
    answer = await fetch(site, "/a%20b.txt", f"Range: bytes={ranges}")
    assert (answer.status, answer.body) == (200, b"text")


def test_the_length_of_what_is_left_out_is_told(site: TestSite, pages: Path) -> None:
    client = serve(site, pages).connect()
    client.send(b"HEAD /a%20b.txt HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"\r\nContent-Length: 4\r\n" in client.received
    future = "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"
    assert "Content-Length" not in get(site, "/a%20b.txt", "GET", future).headers


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/empty/",
        "/.hidden",
        "/link.txt",
        "/pipe",
        "/up/outside.txt",
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/guide/..%2f..%2foutside.txt",
        "//outside.txt",
        "/a%20b.txt/",
        "/a%20b.txt/more",
    ],
)
def test_what_is_not_there_is_404(site: TestSite, pages: Path, path: str) -> None:
    answer = get(serve(site, pages), path)
    assert (answer.status, answer.json["error"]) == (404, "not_found")


def test_pages_may_have_their_own_404(site: TestSite, pages: Path) -> None:
    (pages / "404.html").write_text("<h1>lost</h1>")
    serve(site, pages)
    answer = get(site, "/nothing")
    assert (answer.status, answer.body) == (404, b"<h1>lost</h1>")
    assert get(site, "/guide/nothing").body == b"<h1>lost</h1>"
    assert get(site, "/api/nothing").json["error"] == "not_found"
    (pages / "404.html").write_text("<h1>lost again</h1>")
    assert get(site, "/nothing").body == b"<h1>lost again</h1>"
    (pages / "404.html").unlink()
    (pages / "404.html").symlink_to(pages.parent / "outside.txt")
    assert get(site, "/nothing").json["error"] == "not_found"


def test_only_reading_is_allowed(site: TestSite, pages: Path) -> None:
    serve(site, pages)
    answer = get(site, "/a%20b.txt", "POST")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
