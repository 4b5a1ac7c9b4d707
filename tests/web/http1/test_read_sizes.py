"""Read sizes: as much of a client as is wanted, and little of what is not."""

from __future__ import annotations

import pytest

from tests.support.site import TOKEN, TestSite

PUT = b"PUT /api/demo/upload HTTP/1.1\r\nHost: localhost\r\n"
KEY = b"X-API-Key: " + TOKEN.encode() + b"\r\n"
USUAL = 64 * 1024


def test_what_follows_the_refusal_of_a_head_is_dropped_as_it_comes(site: TestSite) -> None:
    client = site.connect()
    client.send(PUT + b"Content-Length: 1000000\r\n\r\n" + b"x" * 60_000)
    assert client.answer().status == 401
    assert client.transport.ended
    assert client.transport.protocol is not client.channel  # TLS, which would decrypt it, is passed over the same way
    for _ in range(10):
        client.send(b"x" * 256 * 1024)
    assert not client.transport.paused
    assert client.answer().status == 401


def test_what_came_with_the_head_is_all_that_is_read_until_somebody_asks(site: TestSite) -> None:
    client = site.connect()
    client.send(PUT.replace(b"upload", b"slow-upload") + b"Content-Length: 1000000\r\n\r\n")
    client.send(b"x" * 33 * 1024)
    assert client.transport.paused


def test_a_small_body_that_is_whole_keeps_nobody_from_reading(site: TestSite) -> None:
    client = site.connect()
    client.send(PUT.replace(b"upload", b"slow-upload") + b"Content-Length: 60000\r\n\r\n" + b"x" * 60_000)
    assert not client.transport.paused


@pytest.mark.parametrize(
    ("head", "sizes"),
    [
        (KEY + b"Content-Length: 200000\r\n", [199_000, 100_000, USUAL, USUAL]),
        (KEY + b"Transfer-Encoding: chunked\r\n", [USUAL] * 4),
    ],
    ids=["of known length", "of unknown length"],
)
def test_a_wanted_body_is_read_in_large_pieces_and_nothing_beyond_it(
    site: TestSite, head: bytes, sizes: list[int]
) -> None:
    client = site.connect()
    client.send(PUT + head + b"\r\n")
    found = []
    for size in (1_000, 99_000, 60_000, 40_000):
        piece = b"x" * size
        client.send(b"%x\r\n%b\r\n" % (size, piece) if b"chunked" in head else piece)
        found.append(client.transport.bufferSize)
    assert found == sizes


def test_no_more_than_usual_is_read_before_anybody_wants_it(site: TestSite) -> None:
    client = site.connect()
    client.send(PUT.replace(b"upload", b"slow-upload") + b"Content-Length: 1000000\r\n\r\n" + b"x" * 1_000)
    assert client.transport.bufferSize == USUAL
