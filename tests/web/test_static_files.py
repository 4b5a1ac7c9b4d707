"""A directory served as it is."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import ParamSpec, TypeVar

import pytest
from attrs import define, evolve, field
from twisted.internet.defer import Deferred

from cloudsvc.core.coroutines import start
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.web.packing import Packing
from cloudsvc.web.page_files import PageFile, PageReader
from cloudsvc.web.resources import Tree
from tests.support.inline_threads import Inline
from tests.support.pages import make_pages
from tests.support.site import Answer, TestSite

P = ParamSpec("P")
T = TypeVar("T")


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
    site.site.tree = Tree(mounts={}, others=make_pages(site, pages))
    return site


def get(site: TestSite, path: str, method: str = "GET", *lines: str) -> Answer:
    head = "".join(f"{line}\r\n" for line in lines)
    return site.ask(f"{method} {path} HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode())


def fetch(site: TestSite, path: str, *lines: str) -> Answer:
    return get(site, path, "GET", *lines)


def test_directories_answer_with_their_index(site: TestSite, pages: Path) -> None:
    serve(site, pages)
    assert fetch(site, "/").body == b"<h1>home</h1>"
    answer = fetch(site, "/guide/")
    assert answer.body == b"<h1>guide</h1>"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_directory_without_slash_redirects_relatively(site: TestSite, pages: Path) -> None:
    answer = get(serve(site, pages), "/guide")
    assert (answer.status, answer.headers["Location"]) == (308, "./guide/")
    assert get(site, "/guide?a=b").headers["Location"] == "./guide/?a=b"


def test_files_are_typed_and_can_be_asked_for_in_part(site: TestSite, pages: Path) -> None:
    serve(site, pages)
    answer = fetch(site, "/a%20b.txt")
    assert (answer.body, answer.headers["Content-Type"]) == (b"text", "text/plain; charset=utf-8")
    assert fetch(site, "/a%20b.txt", "Range: bytes=1-2").body == b"ex"
    modified = answer.headers["Last-Modified"]
    assert get(site, "/a%20b.txt", "GET", f"If-Modified-Since: {modified}").status == 304


def test_well_known_places_are_served(site: TestSite, pages: Path) -> None:
    (pages / ".well-known/acme-challenge").mkdir(parents=True)
    (pages / ".well-known/acme-challenge/token").write_text("key")
    (pages / ".well-known/.hidden").write_text("secret")
    (pages / "guide/.well-known").mkdir()
    (pages / "guide/.well-known/token").write_text("key")
    assert fetch(serve(site, pages), "/.well-known/acme-challenge/token").body == b"key"
    assert get(site, "/.well-known/.hidden").status == 404
    assert get(site, "/guide/.well-known/token").status == 404


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.tar.gz", "application/gzip"), ("a.css.GZ", "application/gzip"), ("a", "application/octet-stream")],
)
def test_what_is_packed_is_sent_packed(site: TestSite, pages: Path, name: str, kind: str) -> None:
    (pages / name).write_bytes(b"packed")
    answer = fetch(serve(site, pages), f"/{name}")
    assert (answer.body, answer.headers["Content-Type"]) == (b"packed", kind)
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("ranges", ["0-,0-", "1-2, 3-", "9-,9-", "a", "-", "2-1", "--1", "0-\xff"])
def test_other_ranges_than_one_are_ignored(site: TestSite, pages: Path, ranges: str) -> None:
    serve(site, pages)
    answer = fetch(site, "/a%20b.txt", f"Range: bytes={ranges}")
    assert (answer.status, answer.body) == (200, b"text")


def test_the_length_of_what_is_left_out_is_told(site: TestSite, pages: Path) -> None:
    client = serve(site, pages).connect()
    client.send(b"HEAD /a%20b.txt HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"\r\nContent-Length: 4\r\n" in client.received
    same = f"If-Modified-Since: {get(site, '/a%20b.txt').headers['Last-Modified']}"
    assert "Content-Length" not in get(site, "/a%20b.txt", "GET", same).headers


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
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_only_what_is_there_has_options(site: TestSite, pages: Path) -> None:
    serve(site, pages)
    answer = get(site, "/a%20b.txt", "OPTIONS")
    assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert get(site, "/nothing", "OPTIONS").status == 404


@define(eq=False)
class Waiting:
    """Threads that begin when the test says so."""

    calls: list[Deferred[None]] = field(factory=list)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        call: Deferred[None] = Deferred()
        self.calls.append(call)
        await call
        return function(*args, **kwargs)


OLD = 1_700_000_000
"""2023-11-14T22:13:20Z"""


def write(file: Path, content: bytes, moment: int = OLD) -> None:
    """Put ``content`` in the place of ``file``, as whoever publishes pages does, with a date of its own."""
    fresh = file.with_name(".fresh")
    fresh.write_bytes(content)
    os.utime(fresh, (moment, moment))
    fresh.replace(file)


class TestConditions:
    def test_an_answer_has_both_validators(self, site: TestSite, pages: Path) -> None:
        write(pages / "a", b"content")
        answer = get(serve(site, pages), "/a")
        assert answer.headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        assert answer.headers["ETag"].startswith('"')
        assert (answer.headers["Cache-Control"], answer.headers["Accept-Ranges"]) == ("no-cache", "bytes")

    @pytest.mark.parametrize(
        ("lines", "status"),
        [
            (["If-None-Match: {tag}"], 304),
            (["If-None-Match: W/{tag}"], 304),
            (['If-None-Match: "x", {tag}'], 304),
            (['If-None-Match: "x"', "If-None-Match: {tag}"], 304),
            (["If-None-Match: *"], 304),
            (['If-None-Match: "x"'], 200),
            (['If-None-Match: "x"', "If-Modified-Since: {date}"], 200),
            (["If-None-Match: {tag}", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"], 304),
            (["If-Modified-Since: {date}"], 304),
            (["If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT"], 304),
            (["If-Modified-Since: Tue Nov 14 22:13:20 2023"], 304),
            (["If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT"], 200),
            (["If-Modified-Since: Tue, 14 Nov 2023 22:13:21 GMT"], 200),
            (["If-Modified-Since: nonsense"], 200),
            (["If-Match: {tag}"], 200),
            (["If-Match: *"], 200),
            (["If-Match: W/{tag}"], 412),
            (['If-Match: "x"'], 412),
            (['If-Match: "x"', "If-None-Match: {tag}"], 412),
            (["If-Match: {tag}", "If-None-Match: {tag}"], 304),
            (["If-Unmodified-Since: {date}"], 200),
            (["If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT"], 412),
            (["If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT", "If-Match: {tag}"], 200),
            (["If-Unmodified-Since: nonsense"], 200),
            (["If-Range: {tag}", "Range: bytes=1-2"], 206),
            (["If-Range: {date}", "Range: bytes=1-2"], 206),
            (["If-Range: W/{tag}", "Range: bytes=1-2"], 200),
            (['If-Range: "x"', "Range: bytes=1-2"], 200),
            (["If-Range: Tue, 14 Nov 2023 22:13:21 GMT", "Range: bytes=1-2"], 200),
            (["If-Range: Tuesday, 14-Nov-23 22:13:20 GMT", "Range: bytes=1-2"], 200),
            (["If-Range: nonsense", "Range: bytes=99-"], 200),
            (["Range: bytes=99-"], 416),
            (["Range: bytes=99-", "If-None-Match: {tag}"], 304),
            (["Range: bytes=99-", 'If-Match: "x"'], 412),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_each_counts_in_its_order(
        self, site: TestSite, pages: Path, method: str, lines: list[str], status: int
    ) -> None:
        write(pages / "a", b"content")
        known = get(serve(site, pages), "/a").headers
        client = site.connect()
        head = "".join(f"{line}\r\n" for line in lines).format(tag=known["ETag"], date=known["Last-Modified"])
        client.send(f"{method} /a HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode())
        wanted = 200 if method == "HEAD" and status in {206, 416} else status
        assert client.received.startswith(b"HTTP/1.1 %d " % wanted)
        if status == 304:
            assert f"ETag: {known['ETag']}".encode() in client.received
            assert b"\r\nContent-Type:" not in client.received

    def test_another_file_of_the_same_size_and_date_is_another(self, site: TestSite, pages: Path) -> None:
        write(pages / "a", b"content")
        first = get(serve(site, pages), "/a").headers["ETag"]
        write(pages / "a", b"CONTENT")
        assert get(site, "/a").headers["ETag"] != first
        answer = get(site, "/a", "GET", "Range: bytes=3-", f"If-Range: {first}")
        assert (answer.status, answer.body) == (200, b"CONTENT")

    def test_a_file_changed_in_its_place_with_its_date_put_back_is_another(self, site: TestSite, pages: Path) -> None:
        write(pages / "a", b"content")
        first = get(serve(site, pages), "/a").headers["ETag"]
        deadline = (pages / "a").stat().st_ctime_ns
        while (pages / "a").stat().st_ctime_ns == deadline:  # a tick of the system's clock
            (pages / "a").write_bytes(b"CONTENT")
            os.utime(pages / "a", (OLD, OLD))
        assert get(site, "/a", "GET", f"If-None-Match: {first}").body == b"CONTENT"

    def test_a_file_that_was_rolled_back_is_sent(self, site: TestSite, pages: Path) -> None:
        write(pages / "a", b"new one", OLD + 1000)
        known = get(serve(site, pages), "/a").headers
        write(pages / "a", b"old one", OLD)
        assert get(site, "/a", "GET", f"If-Modified-Since: {known['Last-Modified']}").body == b"old one"
        assert get(site, "/a", "GET", f"If-None-Match: {known['ETag']}").body == b"old one"

    def test_a_page_for_what_is_not_there_has_no_conditions(self, site: TestSite, pages: Path) -> None:
        write(pages / "404.html", b"<h1>lost</h1>")
        serve(site, pages)
        for line in (
            "If-None-Match: *",
            'If-Match: "x"',
            "Range: bytes=1-2",
            "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT",
        ):
            answer = get(site, "/nothing", "GET", line)
            assert (answer.status, answer.body) == (404, b"<h1>lost</h1>")
            assert "ETag" not in answer.headers

    @pytest.mark.parametrize(
        ("ranges", "part"), [("0-0", b"c"), ("5-", b"nt"), ("-2", b"nt"), ("3-99", b"tent"), ("-99", b"content")]
    )
    def test_parts(self, site: TestSite, pages: Path, ranges: str, part: bytes) -> None:
        write(pages / "a", b"content")
        answer = get(serve(site, pages), "/a", "GET", f"Range: bytes={ranges}")
        assert (answer.status, answer.body) == (206, part)
        assert answer.headers["Content-Range"].endswith("/7")

    def test_an_empty_file(self, site: TestSite, pages: Path) -> None:
        write(pages / "a", b"")
        assert get(serve(site, pages), "/a").body == b""
        assert get(site, "/a", "GET", "Range: bytes=0-").status == 200
        assert get(site, "/a", "GET", "Range: bytes=1-").headers["Content-Range"] == "bytes */0"


class TestCodings:
    TEXT = b"<p>text</p>" * 1000

    def test_text_is_sent_in_gzip_to_whoever_takes_it(self, site: TestSite, pages: Path) -> None:
        write(pages / "a.html", self.TEXT)
        plain = get(serve(site, pages), "/a.html")
        packed = get(site, "/a.html", "GET", "Accept-Encoding: br, gzip")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body == self.TEXT
        assert len(packed.body) < 1000
        assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["ETag"] != packed.headers["ETag"]
        assert plain.headers["Content-Type"] == packed.headers["Content-Type"]

    def test_each_coding_has_a_tag_of_its_own(self, site: TestSite, pages: Path) -> None:
        write(pages / "a.html", self.TEXT)
        tag = get(serve(site, pages), "/a.html", "GET", "Accept-Encoding: gzip").headers["ETag"]
        again = get(site, "/a.html", "GET", "Accept-Encoding: gzip", f"If-None-Match: {tag}")
        assert (again.status, again.headers["Vary"]) == (304, "Accept-Encoding")
        assert get(site, "/a.html", "GET", f"If-None-Match: {tag}").status == 200

    def test_parts_are_of_what_is_not_coded(self, site: TestSite, pages: Path) -> None:
        write(pages / "a.html", self.TEXT)
        packed = get(serve(site, pages), "/a.html", "GET", "Accept-Encoding: gzip").headers["ETag"]
        answer = get(site, "/a.html", "GET", "Accept-Encoding: gzip", "Range: bytes=3-6")
        assert (answer.status, answer.body) == (206, b"text")
        assert "Content-Encoding" not in answer.headers
        joined = get(site, "/a.html", "GET", "Accept-Encoding: gzip", "Range: bytes=3-6", f"If-Range: {packed}")
        assert (joined.status, joined.body) == (200, self.TEXT)

    @pytest.mark.parametrize("name", ["a.jpg", "a.gz", "a.mp4", "a", "a.woff2"])
    def test_what_is_no_text_is_sent_as_it_is(self, site: TestSite, pages: Path, name: str) -> None:
        write(pages / name, self.TEXT)
        answer = get(serve(site, pages), f"/{name}", "GET", "Accept-Encoding: gzip")
        assert answer.body == self.TEXT
        assert "Vary" not in answer.headers

    @pytest.mark.parametrize("size", [10, 3 * 2**20])
    def test_what_is_not_worth_it_is_sent_as_it_is(self, site: TestSite, pages: Path, size: int) -> None:
        write(pages / "a.txt", b"x" * size)
        answer = get(serve(site, pages), "/a.txt", "HEAD", "Accept-Encoding: gzip")
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["Vary"] == "Accept-Encoding"

    def test_a_file_that_has_changed_is_packed_anew(self, site: TestSite, pages: Path) -> None:
        write(pages / "a.html", self.TEXT)
        get(serve(site, pages), "/a.html", "GET", "Accept-Encoding: gzip")
        write(pages / "a.html", self.TEXT.upper())
        answer = get(site, "/a.html", "GET", "Accept-Encoding: gzip")
        assert gzip.decompress(answer.body) == self.TEXT.upper()

    def test_one_file_is_packed_at_a_time_whoever_leaves(self, site: TestSite, pages: Path) -> None:
        write(pages / "a.html", self.TEXT)
        write(pages / "b.html", self.TEXT)
        threads = Waiting()
        site.site.tree = Tree(mounts={}, others=make_pages(site, pages, threads=threads))
        first = site.connect()
        first.send(b"GET /a.html HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        first.leave()
        second = get(site, "/b.html", "GET", "Accept-Encoding: gzip")
        assert second.body == self.TEXT
        assert len(threads.calls) == 1
        threads.calls[0].callback(None)
        assert get(site, "/a.html", "GET", "Accept-Encoding: gzip").headers["Content-Encoding"] == "gzip"
        assert len(threads.calls) == 1

    def test_packed_files_take_bounded_memory(self, pages: Path) -> None:
        packing = Packing(Inline(), room=10_000)
        for number in range(20):
            (pages / "noise.txt").write_bytes(Random(number).randbytes(2000))  # noqa: S311  # any bytes will do
            file = PageFile.open(pages / "noise.txt")
            assert start(packing.pack(file, "text/plain")) is not None
            file.let_go()
        assert sum(map(len, packing._packed.values())) == packing._used <= 10_000


def test_pages_may_have_a_policy_of_their_own(site: TestSite, pages: Path) -> None:
    (pages / "404.html").write_text("lost")
    policy = b"default-src 'self' 'unsafe-inline'"
    kept = ((b"Cache-Control", b"max-age=60"), (b"Content-Security-Policy", policy))
    site.site.tree = Tree(mounts=site.site.tree.mounts, others=make_pages(site, pages, kept=kept))
    for path in ("/", "/nothing"):
        answer = get(site, path)
        assert answer.headers["Content-Security-Policy"] == policy.decode()
        assert answer.headers["Cache-Control"] == "max-age=60"
    for path in ("/api/demo/plain", "/api/nothing"):
        answer = get(site, path)
        assert answer.headers["Content-Security-Policy"] == "default-src 'self'"
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_file_that_may_still_change_unnoticed_is_waited_for(site: TestSite, pages: Path) -> None:
    written = (pages / "a b.txt").stat().st_ctime
    found = make_pages(site, pages)
    found._pages = evolve(found._pages, now=lambda: written + 0.001 + site.clock.seconds())
    site.site.tree = Tree(mounts={}, others=found)
    client = site.connect()
    client.send(b"GET /a%20b.txt HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.received == b""
    site.clock.advance(0.02)
    assert client.answer().body == b"text"
    assert "ETag" in client.answer().headers


def test_a_file_that_changes_all_the_time_has_no_validators(site: TestSite, pages: Path) -> None:
    found = make_pages(site, pages)
    found._pages = evolve(found._pages, now=lambda: (pages / "a b.txt").stat().st_ctime + 0.001)
    site.site.tree = Tree(mounts={}, others=found)
    client = site.connect()
    client.send(b'GET /a%20b.txt HTTP/1.1\r\nHost: a\r\nIf-None-Match: "x"\r\n\r\n')
    for _ in range(3):
        site.clock.advance(0.02)
    assert client.answer().body == b"text"
    assert "ETag" not in client.answer().headers
    assert "Last-Modified" not in client.answer().headers


class TestChanges:
    """A file that changes while it is read."""

    def test_what_has_become_shorter_is_refused_while_that_can_be_told(self, site: TestSite, pages: Path) -> None:
        serve(site, pages)
        file = PageFile.open(pages / "index.html")
        os.truncate(pages / "index.html", 3)
        with pytest.raises(CloudError) as refused:
            file.read(0, file.size)
        assert (refused.value.kind, refused.value.code) == (Kind.UNAVAILABLE, "file_changed")
        file.let_go()

    def test_what_is_appended_is_not_read(self, pages: Path) -> None:
        file = PageFile.open(pages / "a b.txt")
        with (pages / "a b.txt").open("ab") as more:
            more.write(b"more")
        assert file.read(0, file.size) == b"text"
        file.let_go()

    def test_a_closed_file_is_not_read(self, pages: Path) -> None:
        reader = PageReader(PageFile.open(pages / "a b.txt"), Inline())
        start(reader.close())
        start(reader.close())
        with pytest.raises(ValueError, match="closed"):
            start(anext(reader.stream(0, 1)))
