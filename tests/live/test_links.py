"""Links, as whoever has their address uses them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.server import Reply, Server, make_home, running

JSON = {"Content-Type": "application/json"}
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, token = make_home(
        tmp_path_factory.mktemp("links"), applications=["drive", "identity"], rate_limit={"enabled": False}
    )
    with running(home, token) as found:
        yield found


def make(server: Server, path: str, **fields: Any) -> tuple[str, str]:
    """A link; its address, and its id."""
    made = server.ask("POST", "/api/links", json.dumps({"path": path, **fields}), JSON)
    assert made.status == 201, made.body
    return made.json["location"], made.json["link"]["id"]


def visit(server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
    """One request without any key."""
    return server.ask(method, path, body, headers, key=False)


def store(server: Server, path: str, content: bytes = b"content") -> None:
    assert server.ask("PUT", f"/api/files/{path}", content).status in {201, 204}


def test_a_file_is_sent_to_whoever_has_its_address(server: Server) -> None:
    store(server, "one/sea.txt", b"0123456789")
    address, _ = make(server, "one/sea.txt")
    assert re.fullmatch(r"/s/csl_[0-9A-Za-z]{65}", address)
    whole = visit(server, "GET", address)
    assert (whole.status, whole.body) == (200, b"0123456789")
    assert whole.headers["Content-Disposition"] == 'inline; filename="sea.txt"'
    assert whole.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert whole.headers["Referrer-Policy"] == "no-referrer"
    assert whole.headers["X-Robots-Tag"] == "noindex, nofollow"
    part = visit(server, "GET", address, headers={"Range": "bytes=2-4"})
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    same = visit(server, "GET", address, headers={"If-None-Match": whole.headers["ETag"]})
    assert (same.status, same.body) == (304, b"")
    head = visit(server, "HEAD", address)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "10")


def test_a_folder_is_a_page_without_a_script(server: Server) -> None:
    store(server, "two/in/%3Cscript%3Ealert(1)%3C%7Cscript%3E.txt", b"x")
    store(server, "two/in/deep/a%20%26%20b.bin", b"12345")
    address, _ = make(server, "two/in", label="for <b>you</b>")
    page = visit(server, "GET", address, headers=HTML)
    assert page.status == 200
    text = page.body.decode()
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "private, no-store"
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;alert(1)" in text
    links = re.findall(r'href="(.*?)"', text)
    base = address.rpartition("/")[2]
    assert f"./{base}/deep/" in links
    deeper = visit(server, "GET", f"{address}/deep/", headers=HTML)
    assert 'href="./a%20%26%20b.bin"' in deeper.body.decode()
    assert 'href="../"' in deeper.body.decode()
    assert visit(server, "GET", f"{address}/deep/a%20%26%20b.bin").body == b"12345"
    told = visit(server, "GET", f"{address}/deep")
    assert [(each["name"], each["kind"], each["size"]) for each in told.json["entries"]] == [("a & b.bin", "file", 5)]
    assert (told.json["path"], told.json["label"]) == ("deep", "for <b>you</b>")
    first = visit(server, "GET", f"{address}?limit=1")
    second = visit(server, "GET", f"{address}?limit=1&cursor={first.json['cursor']}")
    assert first.json["entries"] != second.json["entries"]
    assert second.json["cursor"] is None
    # Nobody learns where it is.
    missing = visit(server, "GET", f"{address}/none")
    assert (missing.status, missing.json["error"]) == (404, "not_found")
    assert "two" not in missing.json["message"]
    assert visit(server, "GET", f"{address}/..%2f..").status == 400
    assert visit(server, "PUT", f"{address}/new", b"x").json["error"] == "forbidden"


def test_files_are_brought_and_nothing_is_seen(server: Server) -> None:
    store(server, "three/taken.txt", b"mine")
    address, _ = make(server, "three", role="uploader")
    put = visit(server, "PUT", f"{address}/taken.txt", b"other")
    assert (put.status, put.json["name"], put.json["size"]) == (201, "taken.txt", 5)
    disposition = 'form-data; name="file"; filename="C:\\s\u00e9a.bin"'
    form = f"--b\r\nContent-Disposition: {disposition}\r\n\r\nform\r\n--b--\r\n".encode()
    fields = {"Content-Type": "multipart/form-data; boundary=b", **HTML}
    posted = visit(server, "POST", address, form, fields)
    assert (posted.status, "Received" in posted.body.decode()) == (200, True)
    children = server.ask("GET", "/api/folders/three").json["children"]
    assert {each["path"] for each in children} == {"three/taken.txt", "three/taken (2).txt", "three/s\u00e9a.bin"}
    assert server.ask("GET", "/api/files/three/taken.txt").body == b"mine"
    for path in (f"{address}/taken.txt", f"{address}/none"):
        assert visit(server, "GET", path).status == 404
    page = visit(server, "GET", address, headers=HTML)
    assert (page.status, b"three" in page.body, b"taken" in page.body) == (200, False, False)
    assert visit(server, "GET", address).json["role"] == "uploader"
    assert visit(server, "PUT", f"{address}/a/b", b"x").status == 400


def test_a_password_is_asked_for_and_opens_for_an_hour(server: Server) -> None:
    store(server, "four/a.txt", b"secret content")
    address, name = make(server, "four/a.txt", password="correct horse")
    locked = visit(server, "GET", address, headers=HTML)
    assert (locked.status, b'type="password"' in locked.body) == (403, True)
    assert b"a.txt" not in locked.body
    assert visit(server, "GET", address).json["error"] == "link_locked"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    wrong = visit(server, "POST", address, "password=wrong+horse", form)
    assert (wrong.status, wrong.json["error"]) == (403, "wrong_password")
    opened = visit(server, "POST", address, "password=correct+horse", {**form, **HTML})
    assert (opened.status, opened.headers["Location"]) == (303, "?")
    cookie, _, rest = opened.headers["Set-Cookie"].partition(";")
    assert rest == " Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Strict"
    assert cookie.startswith(f"__Host-cloudsvc-link-{name}=")
    assert visit(server, "GET", address, headers={"Cookie": cookie}).body == b"secret content"
    # It is for this link and this password alone.
    assert server.ask("PATCH", f"/api/links/{name}", json.dumps({"password": "another horse"}), JSON).status == 200
    assert visit(server, "GET", address, headers={"Cookie": cookie}).status == 403
    assert server.ask("PATCH", f"/api/links/{name}", json.dumps({"password": ""}), JSON).status == 200
    assert visit(server, "GET", address).status == 200


def test_it_follows_its_file_and_sleeps_in_the_trash(server: Server) -> None:
    store(server, "five/a.txt", b"a")
    address, name = make(server, "five/a.txt")
    assert server.ask("PATCH", "/api/files/five/a.txt", json.dumps({"new_filepath": "six/b.txt"})).status == 200
    store(server, "five/a.txt", b"another")
    sent = visit(server, "GET", address)
    assert (sent.body, sent.headers["Content-Disposition"]) == (b"a", 'inline; filename="b.txt"')
    assert server.ask("GET", f"/api/links/{name}").json["link"]["path"] == "six/b.txt"
    entry = server.ask("DELETE", "/api/files/six/b.txt").json["trash_id"]
    assert visit(server, "GET", address).status == 404
    assert server.ask("GET", f"/api/links/{name}").json["link"]["path"] is None
    assert server.ask("POST", f"/api/trash/{entry}/restore").status == 200
    assert visit(server, "GET", address).body == b"a"
    entry = server.ask("DELETE", "/api/files/six/b.txt").json["trash_id"]
    assert server.ask("DELETE", f"/api/trash/{entry}").status == 200
    assert visit(server, "GET", address).status == 404


def test_a_limit_counts_downloads_and_not_their_parts(server: Server) -> None:
    store(server, "seven/a.bin", bytes(1000))
    address, name = make(server, "seven/a.bin", limit=2)
    for method, fields in (("HEAD", {}), ("GET", {"If-None-Match": "*"}), ("GET", {"Range": "bytes=5000-"})):
        assert visit(server, method, address, headers=fields).status in {200, 304, 416}
    assert visit(server, "GET", address).status == 200
    assert visit(server, "GET", address, headers={"Range": "bytes=500-"}).status == 206
    assert visit(server, "GET", address, headers={"Range": "bytes=0-10"}).status == 206
    assert server.ask("GET", f"/api/links/{name}").json["link"]["uses"] == 2
    assert visit(server, "GET", address, headers={"Range": "bytes=500-"}).status == 206
    for method, fields in (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=0-"})):
        assert visit(server, method, address, headers=fields).status == 404
