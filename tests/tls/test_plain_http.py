"""Plain HTTP where TLS is expected is told so in clear; anything else that is no TLS is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.tls.plain_http import ANSWER, is_http


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "PRI"])
def test_every_method_is_seen_however_it_comes(method: str) -> None:
    line = f"{method} / HTTP/1.1\r\n".encode()
    assert [is_http(line[:size]) for size in range(len(method) + 1)] == [None] * (len(method) + 1)
    assert all(is_http(line[:size]) for size in range(len(method) + 1, len(line)))


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01", b"\x80.\x01\x00\x02", b"SSH-2.0-x\r\n", b"get / HTTP", b"GETS /", b" GET /"]
)
def test_nothing_else_is(data: bytes) -> None:
    assert is_http(data) is False


@given(st.binary(min_size=10))
def test_it_is_clear_soon(data: bytes) -> None:
    assert is_http(data) is not None


def test_the_answer_says_https_and_has_the_length_it_says() -> None:
    head, _, content = ANSWER.partition(b"\r\n\r\n")
    assert b"https://" in content
    assert b"Content-Length: %d\r\n" % len(content) in head
    assert b"Strict-Transport-Security" not in head
