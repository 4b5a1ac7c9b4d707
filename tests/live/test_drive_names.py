"""Names that have a meaning elsewhere, sent by clients as people use them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import treq
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS
from twisted.web.http_headers import Headers

from tests.support.drive_servers import curl, run_drive
from tests.support.reactors import in_reactor
from tests.support.server import Server

NAMES = (
    "100%.txt",
    "%41",
    "#1.txt",
    "what?.txt",
    "two words",
    "a+b=c&d",
    "😀.txt",
    "ä/ö",
    "thumbnail",
    "a/thumbnail",
    "~.'\"\\;",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_drive(tmp_path_factory.mktemp("drive") / "home") as server:
        yield server


@pytest.mark.parametrize("name", NAMES)
def test_curl(server: Server, name: str) -> None:
    path = f"/api/files/curl/{quote(name)}"
    assert curl(server, path, "-X", "PUT", "-d", name).json["filepath"] == f"curl/{name}"
    assert curl(server, path).body == name.encode()
    listed = curl(server, "/api/files", "-X", "POST", "-H", "Content-Type: application/json", "-d", "{}").json["files"]
    assert f"curl/{name}" in {file["filepath"] for file in listed}
    assert curl(server, path, "-X", "DELETE").json["filepath"] == f"curl/{name}"


@pytest.mark.parametrize("name", ["100%.txt", "50% off, 50%-off"])
def test_a_percent_sign_as_upstream_clients_send_it(server: Server, name: str) -> None:
    path = f"/api/files/upstream/{name.replace(' ', '%20')}"
    posted = curl(server, path, "-F", "file=text")
    assert posted.json["filepath"] == f"upstream/{name}"
    assert curl(server, path).body == b"text"
    assert curl(server, f"/api/files/upstream/{quote(name)}").body == b"text"


def test_the_longest_path(server: Server) -> None:
    """Every byte of it escaped, in the path and in the query of a URL."""
    longest = "/".join(["ü" * 127] * 16 + ["ü"])
    escaped = quote(longest, safe="")
    assert len(escaped) > 12_000
    assert curl(server, f"/api/files/{escaped}", "-X", "PUT", "-d", "x").json["filepath"] == longest
    assert curl(server, f"/api/files/{escaped}").body == b"x"
    assert curl(server, f"/api/files/{escaped}/thumbnail").status == 415
    assert curl(server, f"/api/files/{escaped}", "-X", "DELETE").status == 200
    assert curl(server, f"/api/folders/{escaped}", "-X", "PUT").status == 201
    assert curl(server, f"/api/files?prefix={escaped}").json["files"] == []


@in_reactor
async def test_treq(server: Server) -> None:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    authorities = [
        Certificate.loadPEM(b"-----BEGIN" + each)
        for each in server.certificate.read_bytes().split(b"-----BEGIN")
        if each.strip()
    ]
    agent = Agent(reactor, BrowserLikePolicyForHTTPS(trustRootFromCertificates(authorities)))
    client = treq.client.HTTPClient(agent)
    headers = Headers({"X-API-Key": [server.token]})
    for name in NAMES:
        url = f"{server.url}/api/files/treq/{quote(name)}"
        put = await client.put(url, data=name.encode(), headers=headers)
        assert json.loads(await put.content())["filepath"] == f"treq/{name}"
        got = await client.get(url, headers=headers)
        assert await got.content() == name.encode()


@pytest.mark.parametrize(
    "path", ["../x", "%2e%2e/x", "..%2fx", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/etc/passwd", "a/../../x"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_no_path_leads_out(server: Server, method: str, path: str) -> None:
    body = ["-d", '{"new_filepath":"y"}'] if method in {"PUT", "PATCH"} else []
    answer = curl(server, f"/api/files/{path}", "-X", method, "-H", "Content-Type: application/json", *body)
    assert (answer.status, answer.json["error"]) == (400, "invalid_path")


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a//b", "a/", "..", "\u0000", "a\nb"])
def test_no_destination_leads_out(server: Server, path: str) -> None:
    assert curl(server, "/api/files/origin", "-X", "PUT", "-d", "x").status in {201, 204}
    for method, url, body in (
        ("PATCH", "/api/files/origin", {"new_filepath": path}),
        ("POST", "/api/copies", {"source": "origin", "destination": path}),
        ("POST", "/api/copies", {"source": path, "destination": "other"}),
        ("POST", "/api/batch", {"operations": [{"move": {"path": "origin", "new_path": path}}]}),
    ):
        sent = ("-H", "Content-Type: application/json", "-d", json.dumps(body))
        answer = curl(server, url, "-X", method, *sent)
        assert (answer.status, answer.json["error"]) == (400, "invalid_path")
    assert curl(server, "/api/files/origin").body == b"x"
