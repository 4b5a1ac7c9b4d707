"""The chunked coding: as strict as Twisted's decoder, and handed on once for each read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.web.http import _ChunkedTransferDecoder

from cloudsvc.core.private_names import MalformedChunkedDataError
from cloudsvc.web.http1.chunks import ChunkedDecoder
from tests.support.site import TestSite

PIECES = [
    b"0",
    b"1",
    b"5",
    b"a",
    b"F",
    b"00",
    b"10",
    b"\r\n",
    b"\r",
    b"\n",
    b";",
    b";x=y",
    b' ;"',
    b"\x00",
    b"\xff",
    b" ",
]
PIECES += [b"0\r\n\r\n", b"3\r\nabc\r\n", b"1\r\na\r\n" * 3, b"a: b\r\n", b"x" * 5, b"-1", b"0x1", b"+1", b"1_0", b""]
CODED = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


def decode(decoder: Any, reads: list[bytes]) -> tuple[bytes, bytes | None, bool]:
    """What ``reads`` carry, what follows it, and whether it is refused."""
    content, after = bytearray(), list[bytes]()
    made = decoder(content.extend, after.append)
    try:
        for number, read in enumerate(reads):
            made.dataReceived(read)
            if after:
                return bytes(content), b"".join([*after, *reads[number + 1 :]]), False
    except MalformedChunkedDataError:
        return bytes(content), None, True
    return bytes(content), None, False


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(place, len(data)) for place in cuts})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True) if start != end]


@given(CODED, st.lists(st.integers(0, 60), max_size=8))
@example(b"0\r\na: b\r\n\r\nrest", [3, 9])
@example(b"1\r\na\r\n0\r\n\r\n", [4, 5])
def test_it_takes_what_twisted_takes_and_nothing_else(data: bytes, cuts: list[int]) -> None:
    ours, theirs = decode(ChunkedDecoder, cut(data, cuts)), decode(_ChunkedTransferDecoder, cut(data, cuts))
    if not ours[2]:
        assert ours == theirs
    elif not theirs[2]:
        assert b"0\r\n" in data  # trailers that are no fields, of which Twisted reads the line ends only
        assert ours[0] == theirs[0]


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=20),
    st.lists(st.integers(0, 3000), max_size=20),
    st.booleans(),
)
def test_what_was_coded_comes_out_however_it_is_read(chunks: list[bytes], cuts: list[int], upper: bool) -> None:  # noqa: FBT001  # hypothesis gives it
    form = b"%X\r\n%b\r\n" if upper else b"%x;ext=1\r\n%b\r\n"
    coded = b"".join(form % (len(chunk), chunk) for chunk in chunks) + b"0\r\nX-Trailer: 1\r\n\r\nGET"
    assert decode(ChunkedDecoder, cut(coded, cuts)) == (b"".join(chunks), b"GET", False)
    assert decode(ChunkedDecoder, [coded[at : at + 1] for at in range(len(coded))]) == (b"".join(chunks), b"GET", False)


def test_tiny_chunks_of_one_read_are_handed_on_together() -> None:
    delivered: list[bytes] = []
    decoder = ChunkedDecoder(delivered.append, delivered.append)
    decoder.dataReceived(b"1\r\na\r\n" * 10_000)
    assert delivered == [b"a" * 10_000]
    assert decoder.count == 10_000


@pytest.mark.parametrize(
    "coded",
    [
        b"1;" + b"x" * 1023 + b"\r\n",
        b"0" * 1025,
        b"1;" + b"x" * 1024,
        b"1" * 17 + b"\r\n",
        b"".join(b"1;%b\r\na\r\n" % (b"x" * 900) for _ in range(40)),
        b"0\r\n" + b"a: b\r\n" * 3000,
        b"0\r\na: " + b"b" * 20_000,
        b"0\r\nno field\r\n\r\n",
        b"0\r\na: b\nc: d\r\n\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n",
        b"1\n\na\r\n",
        b"1;\x00\r\na\r\n",
        b"1 \r\na\r\n",
        b"\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_what_is_no_chunked_body_or_too_much_of_one_is_refused(coded: bytes, size: int) -> None:
    assert decode(ChunkedDecoder, [coded[at : at + size] for at in range(0, len(coded), size)])[2]


def test_chunks_as_clients_make_them_may_go_on_for_ever() -> None:
    for chunk in (
        b"1\r\na\r\n",
        b"2000\r\n" + b"x" * 8192 + b"\r\n",
        b"400;ext=" + b"y" * 500 + b"\r\n" + b"x" * 1024 + b"\r\n",
    ):
        assert not decode(ChunkedDecoder, [chunk * 100] * 50)[2]


def test_who_sends_tiny_chunks_is_read_little_by_little(site: TestSite) -> None:
    client = site.connect()
    client.send(b"PUT /api/demo/slow-upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"1\r\na\r\n" * 5_000)
    assert client.transport.bufferSize == 8 * 1024
    client.send(b"1000\r\n" + b"a" * 4096 + b"\r\n")
    assert client.transport.bufferSize == 64 * 1024
