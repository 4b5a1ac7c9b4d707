"""The names of a certificate, and the constraints of its authority."""

from __future__ import annotations

import time
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.core.errors import OperatorError
from cloudsvc.tls.names import constrain, find_missing, parse_names
from tests.support.tls.certificates import leaf_of, make

_LABEL = st.from_regex(r"[a-z]([a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(_LABEL, min_size=1, max_size=4).map(".".join).filter(lambda host: "xn--" not in host)


@given(HOSTS)
def test_a_host_name_stays_as_it_is(host: str) -> None:
    assert parse_names([host]) == (x509.DNSName(host),)


@given(st.ip_addresses())
def test_an_address_is_an_address_with_or_without_brackets(address: object) -> None:
    text = str(address)
    assert parse_names([text, f"[{text}]"]) == (x509.IPAddress(ip_address(text)),)


def test_names_are_lower_case_ascii_without_duplicates_in_the_given_order() -> None:
    names = parse_names(["Bücher.Example", "*.example.org", "host.", "HOST"])
    assert [name.value for name in names] == ["xn--bcher-kva.example", "*.example.org", "host"]


def test_every_bad_name_is_told() -> None:
    with pytest.raises(OperatorError) as caught:
        parse_names(["", "a b", "1.2.3.400", "fe80::1%eth0", "good.example", "a..b", "under_score", "x" * 64, "a:443"])
    assert len(caught.value.lines) == 8
    assert all("give a host name or an IP address" in line for line in caught.value.lines)


def test_no_name_at_all_is_a_fault() -> None:
    with pytest.raises(OperatorError, match="at least one name"):
        parse_names([])


@given(st.text(max_size=20))
def test_any_text_is_a_name_or_a_fault(text: str) -> None:
    try:
        (name,) = parse_names([text])
    except OperatorError as fault:
        assert len(fault.lines) == 1
    else:
        constrain([name])


@pytest.mark.parametrize(
    ("names", "wanted", "missing"),
    [
        (["a.test"], ["a.test", "A.TEST"], []),
        (["a.test"], ["b.test", "192.0.2.1"], ["b.test", "192.0.2.1"]),
        (["*.a.test"], ["b.a.test", "a.test", "c.b.a.test"], ["a.test", "c.b.a.test"]),
        (["::1"], ["0:0:0:0:0:0:0:1", "::2"], ["::2"]),
    ],
)
def test_which_names_a_certificate_lacks(
    tmp_path: Path, names: list[str], wanted: list[str], missing: list[str]
) -> None:
    leaf = leaf_of(make(tmp_path / "certs", time.time(), *names))
    assert [str(name.value) for name in find_missing(leaf, parse_names(wanted))] == missing
