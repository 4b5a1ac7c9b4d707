"""URLs of others: in one form, to the schemes and ports that are allowed."""

from __future__ import annotations

import re
from ipaddress import ip_network

import pytest
from twisted.web.client import URI

from cloudsvc.outbound.addresses import AddressPolicy
from cloudsvc.outbound.urls import MAX_URL, Destinations, make_url_pattern

PLAIN = Destinations(addresses=AddressPolicy(), ports=frozenset({443, 8443}))

GOOD = [
    ("https://example.org", b"example.org", 443),
    ("https://example.org/", b"example.org", 443),
    ("https://Example.org:8443/a/b;c?d=e&f=/?", b"Example.org", 8443),
    ("https://xn--bcher-kva.example/%C3%BC", b"xn--bcher-kva.example", 443),
    ("https://a_b.example/~user/@team/!x", b"a_b.example", 443),
    ("https://1.1.1.1/x", b"1.1.1.1", 443),
    ("https://[2606:4700::1111]/x", b"2606:4700::1111", 443),
    ("https://[2606:4700::1111]:8443/x", b"2606:4700::1111", 8443),
]

BAD = [
    "",
    "example.org",
    "//example.org/",
    "http://example.org/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "https:///x",
    "https://example.org:80/",
    "https://example.org:0/",
    "https://example.org:65536/",
    "https://example.org:/",
    "https://user@example.org/",
    "https://user:word@example.org/",
    "https://example.org@127.0.0.1/",
    "https://example.org\\@127.0.0.1/",
    "https://example.org#@127.0.0.1/",
    "https://example.org/#fragment",
    "https://example.org/a b",
    "https://example.org/\r\nHost: other",
    "https://example.org/\t",
    " https://example.org/",
    "https://example.org/\n",
    "https://bücher.example/",
    "https://example.org/ü",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1",
    "https://[example.org]/",
    "https://-example.org/",
    "https://example..org/",
    f"https://{'a' * 64}.example/",
    "https://" + "a." * 127 + "example/",
    "https://example.org/" + "a" * MAX_URL,
]


@pytest.mark.parametrize(("text", "host", "port"), GOOD)
def test_what_is_passed_is_read_in_the_same_way_by_who_connects(text: str, host: bytes, port: int) -> None:
    read = URI.fromBytes(PLAIN.check(text).encode())
    assert (read.host, read.port, read.scheme) == (host, port, b"https")


@pytest.mark.parametrize("text", BAD)
def test_what_is_unusual_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        PLAIN.check(text)


def test_what_the_configuration_allows_is_passed() -> None:
    open_to = Destinations(addresses=AddressPolicy(allowed=[ip_network("127.0.0.0/8")]), allows_http=True)
    for text in ("http://127.0.0.1/", "https://127.9.9.9:1/", "http://example.org:65535/"):
        assert open_to.check(text) == text
    with pytest.raises(ValueError, match="address"):
        open_to.check("http://10.0.0.1/")


def test_the_pattern_that_is_told_fits_what_is_passed_and_not_what_has_another_form() -> None:
    fits = re.compile(make_url_pattern()).search
    assert all(fits(url) for url, _, _ in GOOD)
    for url in (
        "",
        "example.org",
        "ftp://example.org/",
        "https://a@b.example/",
        "https://b.example/#c",
        "https://b.example/a b",
    ):
        assert not fits(url), url
