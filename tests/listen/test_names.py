"""The names of a certificate, and the constraints of its authority."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.core.errors import StartFault
from cloudsvc.listen.names import constrain, parse_names

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
    with pytest.raises(StartFault) as caught:
        parse_names(["", "a b", "1.2.3.400", "fe80::1%eth0", "good.example", "a..b", "under_score", "x" * 64, "a:443"])
    assert len(caught.value.lines) == 8
    assert all("give a host name or an IP address" in line for line in caught.value.lines)


def test_no_name_at_all_is_a_fault() -> None:
    with pytest.raises(StartFault, match="at least one name"):
        parse_names([])


@given(st.text(max_size=20))
def test_any_text_is_a_name_or_a_fault(text: str) -> None:
    try:
        (name,) = parse_names([text])
    except StartFault as fault:
        assert len(fault.lines) == 1
    else:
        constrain([name])
