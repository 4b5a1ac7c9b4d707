"""Fast parser of heads: it reads what Twisted's parser reads."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudsvc.web.http1.request_heads import read_plain_head
from tests.support.bounds import make_head_bounds
from tests.support.site import TOKEN, Client, TestSite
from tests.support.web_routes import Demo


def send(data: bytes) -> tuple[Client, TestSite]:
    site = TestSite(application=Demo(), head_bounds=make_head_bounds(line_bytes=256, total_bytes=512, fields=8))
    client = site.connect()
    client.send(data)
    return client, site


REQUEST_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{8}")
"""Random for each site; all other bytes of an answer are the same."""

PIECES = [
    b"GET",
    b"HEAD",
    b"PUT",
    b"FOO",
    b"get",
    b" ",
    b"  ",
    b"\t",
    b"/api/demo/plain",
    b"/api/demo/paths/%ff",
    b"/api/demo/things?limit=3",
    b"/" + b"a" * 300,
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"Host: a",
    b"Host:a \t",
    b"Host : a",
    b"host: b",
    b"X-API-Key: " + TOKEN.encode(),
    b"X-API-Key:",
    b"X:\xff",
    b"X: a\x00b",
    b"Connection: close",
    b"Content-Length: 0",
    b"Content-Length: 3",
    b"cOnTent-length:3",
    b"Transfer-Encoding: chunked",
    b"Expect: 100-continue",
    b" folded",
    b"abc",
    b"X-1: " + b"v" * 240,
]
WHOLE = st.builds(
    lambda method, path, version, lines: (
        b"%b %b %b\r\n%b\r\n" % (method, path, version, b"".join(line + b"\r\n" for line in lines))
    ),
    st.sampled_from(PIECES[:5]),
    st.sampled_from(PIECES[8:12]),
    st.sampled_from(PIECES[12:15]),
    st.lists(st.sampled_from(PIECES[19:]), max_size=10),
)
ANYTHING = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(st.lists(WHOLE | ANYTHING, min_size=1, max_size=3).map(b"".join))
@example(b"GET /api/demo/plain HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
@example(b"GET /api/demo/key HTTP/1.1\r\nHost: a\r\nX-API-Key: " + TOKEN.encode() + b"\r\n\r\n")
def test_both_ways_give_the_same_answers(data: bytes) -> None:
    one, first = send(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cloudsvc.web.http1.parser.read_plain_head", lambda *_, **__: None)
        other, second = send(data)
    assert REQUEST_ID.sub(b"ID", one.received) == REQUEST_ID.sub(b"ID", other.received)
    assert first.tally.departures == second.tally.departures
    assert first.tally.guarded == second.tally.guarded
    assert one.closed == other.closed


def test_fields_are_those_of_the_head() -> None:
    head = read_plain_head(
        b"GET /a?b HTTP/1.1\r\nHost: a\r\nX-B:  two words \t\r\nEmpty:\r\n\r\nrest", most_bytes=100, most_fields=3
    )
    assert head is not None
    assert (head.method, head.target) == (b"GET", b"/a?b")
    assert head.fields == {b"Host": [b"a"], b"X-B": [b"two words"], b"Empty": [b""]}
    assert head.size == 57


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: " + b"a" * 100 + b"\r\n\r\n",
    ],
)
def test_whatever_is_not_plain_is_left_to_the_parser(data: bytes) -> None:
    assert read_plain_head(data, most_bytes=100, most_fields=3) is None
