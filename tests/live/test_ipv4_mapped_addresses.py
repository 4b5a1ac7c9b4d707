"""IPv4 in IPv6 is IPv4, wherever an address comes from: a socket for both, a proxy's header, the PROXY protocol."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.support.server import PATIENCE, Server, make_home, running

CLIENT = "203.0.113.7"
MAPPED = socket.inet_pton(socket.AF_INET6, f"::ffff:{CLIENT}")
VERSION_2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x21" + struct.pack("!H", 36) + MAPPED * 2 + struct.pack("!HH", 1, 2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, token = make_home(
        tmp_path_factory.mktemp("mapped") / "home",
        proxies={"trusted": ["::ffff:127.0.0.0/104"]},
        server={"endpoints": [r"tcp:0:interface=\:\:", "haproxy:tcp:0:interface=127.0.0.1"]},
    )
    with running(home, token) as server:
        yield server


def ask(server: Server, number: int, header: bytes, field: str) -> str:
    """The client of a request to the endpoint of this number, as the log has it."""
    ports = [int(port) for port in re.findall(r"listening on .*?port=(\d+)", server.wait_for_log("listening on"))]
    with socket.create_connection(("127.0.0.1", ports[number]), PATIENCE) as plain:
        plain.sendall(header + f"GET /api/health HTTP/1.1\r\nHost: a\r\n{field}Connection: close\r\n\r\n".encode())
        answer = plain.makefile("rb").read().decode()
    (request_id,) = re.findall(r"X-Request-ID: (\S+)", answer)
    (client,) = re.findall(rf"client=(\S+).*{request_id}", server.wait_for_log(request_id))
    return str(client)


@pytest.mark.parametrize("entry", [CLIENT, f"::ffff:{CLIENT}", f"[::ffff:{CLIENT}]:80", "::FFFF:CB00:7107"])
def test_behind_a_proxy_that_came_by_ipv4(server: Server, entry: str) -> None:
    assert ask(server, 0, b"", f"X-Forwarded-For: {entry}\r\n") == CLIENT


@pytest.mark.parametrize("header", [f"PROXY TCP6 ::ffff:{CLIENT} ::1 1 2\r\n".encode(), VERSION_2], ids=["v1", "v2"])
def test_in_the_proxy_protocol(server: Server, header: bytes) -> None:
    assert ask(server, 1, header, "") == CLIENT
