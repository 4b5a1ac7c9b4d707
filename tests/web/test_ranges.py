"""Ranges of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.web.errors import HTTPError
from cloudsvc.web.ranges import MOST_RANGES, Span, parse_ranges

SIZES = st.integers(0, 200)
RANGES = st.one_of(
    st.tuples(st.integers(0, 250), st.none()),
    st.tuples(st.integers(0, 250), st.integers(0, 250)).filter(lambda pair: pair[0] <= pair[1]),
    st.tuples(st.none(), st.integers(0, 250)),
)


def spell(first: int | None, last: int | None) -> str:
    return f"{'' if first is None else first}-{'' if last is None else last}"


def select(first: int | None, last: int | None, content: bytes) -> bytes:
    """By the words of RFC 9110 section 14.1.2, in the plainest way."""
    if first is None:
        return content[-last:] if last else b""
    return content[first:] if last is None else content[first : last + 1]


@pytest.mark.parametrize(
    ("field", "spans"),
    [
        ("bytes=0-0", [Span(0, 1)]),
        ("bytes=0-", [Span(0, 10)]),
        ("bytes=3-99", [Span(3, 10)]),
        ("bytes=-3", [Span(7, 10)]),
        ("bytes=-99", [Span(0, 10)]),
        ("BYTES=1-2", [Span(1, 3)]),
        ("bytes=, 8-9 ,, 0-1,", [Span(8, 10), Span(0, 2)]),
        ("bytes=0-1,50-60", [Span(0, 2)]),
        ("bytes=0-1,-0", [Span(0, 2)]),
        (f"bytes={'9' * 500}-,0-1", [Span(0, 2)]),
    ],
)
def test_ranges_of_ten_bytes(field: str, spans: list[Span]) -> None:
    assert parse_ranges(field, 10) == spans


@pytest.mark.parametrize(
    "field",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "lines=0-1",
        "bytes=1",
        "bytes=a-b",
        "bytes=2-1",
        "bytes=0-1,2-1",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1-2-3",
        "bytes=1 - 2",
        "bytes=٣-٤",
        "bytes=0-9,0-9",
        f"bytes={','.join(['0-0'] * (MOST_RANGES + 1))}",
        f"bytes=0-{'9' * 5000}",
    ],
)
def test_the_whole_is_sent(field: str | None) -> None:
    assert parse_ranges(field, 10) is None


@pytest.mark.parametrize(
    ("field", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=99-100,10-", 10), ("bytes=1-", 0)]
)
def test_ranges_beyond_the_end(field: str, size: int) -> None:
    with pytest.raises(HTTPError) as refused:
        parse_ranges(field, size)
    assert refused.value.status == 416
    assert refused.value.headers == ((b"Content-Range", b"bytes */%d" % size),)


@pytest.mark.parametrize("field", ["bytes=-5", "bytes=0-", "bytes=0-99", "bytes=0-0,5-"])
def test_the_whole_of_nothing_is_nothing(field: str) -> None:
    assert parse_ranges(field, 0) is None


@given(st.lists(RANGES, min_size=1, max_size=MOST_RANGES), SIZES)
def test_spans_are_what_the_standard_says(ranges: list[tuple[int | None, int | None]], size: int) -> None:
    content = bytes(number % 256 for number in range(size))
    wanted = [piece for piece in (select(*each, content) for each in ranges) if piece]
    field = "bytes=" + ",".join(spell(*each) for each in ranges)
    try:
        spans = parse_ranges(field, size)
    except HTTPError:
        assert not wanted
        return
    if spans is None:
        assert sum(map(len, wanted)) > size or not size
    else:
        assert [content[span.start : span.stop] for span in spans] == wanted


@given(st.text(), SIZES)
def test_no_field_is_a_surprise(field: str, size: int) -> None:
    try:
        spans = parse_ranges(field, size)
    except HTTPError as refused:
        assert refused.status == 416
    else:
        assert all(0 <= span.start < span.stop <= size for span in spans or ())
