"""For whom a request is, as its head says."""

from __future__ import annotations

import pytest

from cloudsvc.web.http1.framing import examine_head


def judge_host(value: bytes) -> str | None:
    """The name of the error in a head with this Host."""
    problem = examine_head({b"Host": [value]}, b"HTTP/1.1", b"/", 0, most_query=0)
    return None if problem is None else problem.error


@pytest.mark.parametrize(
    "host",
    [
        *(
            b"",
            b"a",
            b"localhost",
            b"localhost:8443",
            b"localhost:",
            b"cloud.example.org.",
            b"my_nas",
            b"a,b",
            b"10.0.0.1:443",
        ),
        *(b"[::1]", b"[::1]:443", b"[::ffff:192.0.2.1]", b"[v1.fe80::a+en1]", b"xn--bcher-kva.example", b"b%C3%BCcher"),
    ],
)
def test_what_can_name_a_host_is_accepted(host: bytes) -> None:
    assert judge_host(host) is None


@pytest.mark.parametrize(
    "host",
    [
        *(b"a b", b"a/", b"a/b", b"a?b", b"a#b", b"user@a", b"https://a", b"a\tb", b"b\xc3\xbccher", b'"a"'),
        *(b"a:b", b"a:1:2", b"::1", b"[::1", b"[::1]a", b"[]", b"a%", b"a%2", b"a%gg", b"a\\b", b"<a>", b"a\n"),
    ],
)
def test_what_cannot_is_refused(host: bytes) -> None:
    assert judge_host(host) == "bad_host"
