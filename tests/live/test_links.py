"""Links, as whoever has their address uses them."""

from __future__ import annotations

import json
import re
import select
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest
from click.testing import CliRunner

from cloudsvc.cli.main import main
from cloudsvc.client import NotFoundError, Secret
from tests.support.client_faces import FACES, open_face
from tests.support.drive_servers import MIB
from tests.support.server import PATIENCE, Reply, Server, make_home, running, wait_until

JSON = {"Content-Type": "application/json"}
SECRETS: list[str] = []
"""All that were made."""

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, token = make_home(
        tmp_path_factory.mktemp("links"),
        applications=["drive", "identity"],
        rate_limit={"enabled": False},
        audit={"enabled": True},
        # Nobody is too slow here: what ends is ended for its link.
        connections={"stall_seconds": 86_400, "body_bytes_per_second": 0},
    )
    with running(home, token) as found:
        yield found


def make(server: Server, path: str, **fields: Any) -> tuple[str, str]:
    """A link; its address, and its id."""
    made = server.ask("POST", "/api/links", json.dumps({"path": path, **fields}), JSON)
    assert made.status == 201, made.body
    SECRETS.append(made.json["location"].removeprefix("/s/"))
    return made.json["location"], made.json["link"]["id"]


def visit(server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
    """One request without any key."""
    return server.ask(method, path, body, headers, key=False)


def store(server: Server, path: str, content: bytes = b"content") -> None:
    assert server.ask("PUT", f"/api/files/{path}", content).status in {201, 204}


SCOPES = ["files:read", "files:write", "accounts:read", "accounts:write"]


def is_gone(connection: socket.socket) -> bool:
    """Whether the server ends the connection, whatever has not been read of what it has sent before."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(PATIENCE * 1000))


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


def test_forms_go_to_the_address_of_the_link(server: Server) -> None:
    store(server, "locked/a%20b/c.txt")
    form = {"Content-Type": "application/x-www-form-urlencoded", **HTML}
    for role in ("viewer", "uploader"):
        address, _ = make(server, "locked", role=role, password="correct horse")
        for below in ("", "/", "/a%20b", "/a%20b/", "/a%20b/c.txt"):
            locked = visit(server, "GET", address + below, headers=HTML)
            assert (locked.status, locked.body.count(b"<form ")) == (403, 1)
            found = re.search(r'action="(.*?)"', locked.body.decode())
            assert urljoin(address + below, found[1] if found else "") == address
        # However many fields it has beside the password.
        opened = visit(server, "POST", address, "&a=" * 50 + "&password=correct+horse", form)
        assert opened.status == 303
    cookie = opened.headers["Set-Cookie"].partition(";")[0]
    page = visit(server, "GET", f"{address}/", headers={"Cookie": cookie, **HTML})
    found = re.search(r'action="(.*?)"', page.body.decode())
    assert page.status == 200
    assert found is not None
    assert urljoin(f"{address}/", found[1]) == address


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


@pytest.mark.parametrize("password", ["", "correct horse"])
def test_what_is_under_way_ends_with_another_password(server: Server, password: str) -> None:
    store(server, "fifteen/big", bytes(64 * MIB))
    address, name = make(server, "fifteen/big", **({"password": password} if password else {}))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    cookie = ""
    if password:
        opened = visit(server, "POST", address, urlencode({"password": password}), form)
        cookie = f"Cookie: {opened.headers['Set-Cookie'].partition(';')[0]}\r\n"
    with server.connect() as going_on, server.connect() as ended:
        for connection in (going_on, ended):
            connection.sendall(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n".encode())
            assert connection.recv(12) == b"HTTP/1.1 200"
        changed = {"label": "another", "password": ""} if password else {"label": "another"}
        # With none, or with what is said of it besides, nobody may less than before.
        assert server.ask("PATCH", f"/api/links/{name}", json.dumps(changed), JSON).status == 200
        received = 0
        while received < 64 * MIB:
            piece = going_on.recv(MIB)
            assert piece
            received += len(piece)
        assert server.ask("PATCH", f"/api/links/{name}", json.dumps({"password": "other horse"}), JSON).status == 200
        assert is_gone(ended)


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled", "role withdrawn"])
def test_what_is_under_way_ends(server: Server, how: str) -> None:
    name = f"user-{how.replace(' ', '-')}"
    store(server, "eight/big", bytes(64 * MIB))
    server.ask("POST", "/api/users", json.dumps({"name": name}), JSON)
    given = server.ask("PUT", f"/api/users/{name}/roles", json.dumps({"path": "eight", "role": "viewer"}), JSON)
    key = server.ask("POST", "/api/keys", json.dumps({"user": name, "scopes": SCOPES}), JSON).json["secret"]
    made = server.ask(
        "POST", "/api/links", json.dumps({"path": "eight/big"}), {**JSON, "X-API-Key": key}, key=False
    ).json
    with server.connect() as connection:
        connection.sendall(f"GET {made['location']} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        if how == "revoked":
            assert server.ask("DELETE", f"/api/links/{made['link']['id']}").json["link"]["revoked_at"]
        elif how == "expired":
            soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
            fields = json.dumps({"expires_at": soon})
            assert server.ask("PATCH", f"/api/links/{made['link']['id']}", fields, JSON).status == 200
        elif how == "disabled":
            assert server.ask("PATCH", f"/api/users/{name}", json.dumps({"disabled": True}), JSON).status == 200
        else:
            assert server.ask("DELETE", f"/api/users/{name}/roles/{given.json['folder']}").status == 200
        assert is_gone(connection)
    assert visit(server, "GET", made["location"]).status == 404


def test_wrong_links_are_all_the_same(server: Server) -> None:
    store(server, "nine/a.txt", b"a")
    revoked, name = make(server, "nine/a.txt")
    server.ask("DELETE", f"/api/links/{name}")
    good, _ = make(server, "nine/a.txt")
    wrong = (revoked, good[:-1], good[:-1] + "!", good.swapcase(), "/s/x", f"/s/{server.token}", "/s/csl_" + "0" * 65)
    told = []
    for address in wrong:
        for method in ("GET", "PUT"):
            path = address if method == "GET" else f"{address}/name"
            answer = visit(server, method, path)
            told.append((answer.status, answer.json["error"], answer.json["message"]))
    assert set(told) == {
        (404, "link_not_found", "There is no such link, or it has ended; ask for another one."),
        (404, "not_found", "There is nothing at this path."),
    }
    # Only what is no path of links is told apart: `/S/`.
    assert told.count((404, "not_found", "There is nothing at this path.")) == 2
    # A key in the header makes no difference.
    assert server.ask("GET", revoked).json["error"] == "link_not_found"


def test_the_audit_has_every_use_and_who_has_guessed(server: Server) -> None:
    store(server, "ten/a.txt", b"a")
    address, name = make(server, "ten/a.txt")
    visit(server, "GET", address)
    visit(server, "GET", f"/s/csl_{'0' * 65}")

    def list_entries(wanted: str) -> list[tuple[str, str, str, str, int]]:
        entries = server.ask("GET", f"/api/audit?{wanted}&limit=100").json["entries"]
        return [
            (each["action"], each["target"], each["target_id"], each["outcome"], each["status"]) for each in entries
        ]

    node = str(server.ask("GET", f"/api/links/{name}").json["link"]["target"])
    used = [("GET /s/{token}", f"/s/{name}", node, "done", 200)]
    wait_until(lambda: list_entries(f"actor=link:{name}") == used, lambda: str(list_entries(f"actor=link:{name}")))
    guess = ("GET /s/{token}", "", "", "refused", 404)
    made = ("POST /api/links", "/api/links", name, "done", 201)
    assert made in list_entries("actor=owner")
    wait_until(lambda: guess in list_entries("outcome=refused"), lambda: str(list_entries("outcome=refused")))


@pytest.mark.parametrize("kind", FACES, ids=["sync", "async"])
def test_programs_share(server: Server, kind: Callable[..., Any]) -> None:
    store(server, "twelve/a.txt", b"abc")
    with open_face(kind, server) as face:
        ends = datetime.now(UTC) + timedelta(days=1)
        password = Secret("correct horse")
        shared = face.call("share", "twelve", label="l", password=password, limit=3, expires_at=ends)
        SECRETS.append(shared.url.reveal().rpartition("/")[2])
        assert SECRETS[-1] not in str(shared)
        assert shared.url.reveal().startswith(f"{server.url}/s/csl_")
        link = shared.link
        assert (link.path, link.role, link.label, link.limit, link.expires_at) == ("twelve", "viewer", "l", 3, ends)
        assert link.has_password
        assert link.id in {each.id for each in face.list("list_links", "twelve")}
        assert face.call("revoke_link", link.id).revoked_at is not None
        asked = face.call("share", "twelve", role="uploader")
        SECRETS.append(asked.url.reveal().rpartition("/")[2])
        assert visit(server, "PUT", f"/s/{SECRETS[-1]}/b.txt", b"b").status == 201
        assert (face.call("find_self").name, face.call("find_self").manager) == ("owner", True)
        with pytest.raises(NotFoundError):
            face.call("share", "none")


def test_from_a_terminal(server: Server) -> None:
    store(server, "thirteen/a.txt", b"abc")
    environ = {
        "CLOUDSVC_URL": server.url,
        "CLOUDSVC_KEY": server.token,
        "CLOUDSVC_CA_FILE": str(server.certificate),
    }

    def run(*arguments: str) -> str:
        done = CliRunner(env=environ).invoke(main, ["remote", *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    url = run("share", "--upload", "--label", "for you", "--days", "2", "--limit", "1", "thirteen").strip()
    secret = url.rpartition("/")[2]
    SECRETS.append(secret)
    assert visit(server, "PUT", f"/s/{secret}/b.txt", b"b").status == 201
    assert visit(server, "PUT", f"/s/{secret}/c.txt", b"c").status == 404
    told = f"{secret[4:20]} uploader of thirteen, used 1 of 1 times"
    assert run("links", "thirteen") == f"{told} for you\n"
    assert run("unshare", secret[4:20]) == f"The link {secret[4:20]} has ended.\n"
    assert run("links", "thirteen") == f"{told} (revoked) for you\n"
    assert run("me") == "owner\n    manager of /\n"


def test_no_secret_stands_anywhere(server: Server) -> None:
    """Not on the disk of the server, nor in its metrics: whatever was asked for in what way."""
    store(server, "eleven/a.txt", b"a")
    address, name = make(server, "eleven/a.txt")
    secret = address.removeprefix("/s/")
    escaped = "".join(f"%{ord(each):02x}" for each in secret)
    for path in ("/s/{}", "/%73/{}", "//s/{}", "/s/{}/x/y", "/s//{}", "/api/files/{}", "/s/{}!"):
        visit(server, "GET", path.format(secret))
        visit(server, "GET", path.format(escaped))
    for target in (f"https://localhost{address}", f"{address}?{'x' * 100_000}", f"{address} HTTP/1.1\r\nbad header"):
        with server.connect() as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert connection.recv(1000)
    server.wait_for_log(f"GET /s/{name} 200")
    assert server.ask("GET", "/api/files/none").status == 404
    server.wait_for_log("/api/files/none")
    metrics = server.ask("GET", "/api/metrics").body
    assert len(SECRETS) > 1
    for secret in SECRETS:
        hidden = secret[20:63].encode()
        assert hidden not in metrics
        holding = [file for file in server.home.rglob("*") if file.is_file() and hidden in file.read_bytes()]
        assert holding == []
