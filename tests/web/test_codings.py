"""Negotiation of gzip (RFC 9110 section 12.5.3)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.web.http_headers import Headers

from cloudsvc.web.codings import accepts_gzip, compress, is_compressible


def ask(**fields: str) -> Any:
    class Asked:
        requestHeaders = Headers({name.replace("_", "-"): [value] for name, value in fields.items()})

    return Asked()


@pytest.mark.parametrize(
    ("field", "taken"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("br, gzip;q=0.5", True),
        ("gzip ; q=1.0, identity; q=0.5", True),
        ("*", True),
        ("br;q=1,*;q=0.1", True),
        (",, gzip,", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0.5, identity", False),
        ("", False),
        ("gzipped", False),
        ("gzip;q=2", False),
        ("gzip;q=x", False),
        ("gzip;level=9", False),
    ],
)
def test_who_takes_it(field: str, taken: bool) -> None:  # noqa: FBT001  # a table
    assert accepts_gzip(ask(Accept_Encoding=field)) is taken


def test_whoever_says_nothing_or_asks_for_a_part_does_not() -> None:
    assert not accepts_gzip(ask())
    assert not accepts_gzip(ask(Accept_Encoding="gzip", Range="bytes=0-1"))


@given(st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])))
def test_no_field_is_a_surprise(field: str) -> None:
    assert accepts_gzip(ask(Accept_Encoding=field)) in {True, False}


@pytest.mark.parametrize("item", [",", "a,", "gzip;q=0.1,", " ", "a;q=", "\t"])
def test_long_fields_are_read_once(item: str) -> None:
    accepts_gzip(ask(Accept_Encoding=item * (1_000_000 // len(item))))


def test_what_is_compressible() -> None:
    texts = ("text/html; charset=utf-8", "text/plain", "application/json", "image/svg+xml", "application/rss+xml")
    assert all(map(is_compressible, texts))
    others = ("image/png", "application/gzip", "video/mp4", "application/octet-stream", "font/woff2", "application/zip")
    assert not any(map(is_compressible, others))


def test_the_same_content_is_packed_the_same() -> None:
    assert compress(b"a" * 1000) == compress(b"a" * 1000)
