"""Addresses to which the server sends on behalf of others."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from cloudsvc.outbound.addresses import AddressPolicy

PUBLIC = [
    "93.184.216.34",
    "1.1.1.1",
    "2606:4700::1111",
    "2a00:1450:4001:830::200e",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
]

REFUSED = [
    # This machine, whatever it is called.
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104  # nobody binds to it
    "0.1.2.3",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    # Networks behind a router, and links.
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "fd00::1",
    "fc00::1",
    "fec0::1",
    "169.254.1.1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "::ffff:10.0.0.1",
    "::ffff:192.168.0.1",
    # What a cloud tells its machines about themselves.
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "fd00:ec2::254",
    # To many at once.
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "ff02::1",
    "ff0e::1",
    # Ways through other networks to what is refused, or to anywhere.
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2002:101:101::1",
    "2001::1",
    "192.88.99.1",
    # Nobody's.
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "198.18.0.1",
    "192.0.0.8",
    "240.0.0.1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "4000::1",
    # None at all.
    "",
    "localhost",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "1.1.1.1.",
    " 1.1.1.1",
    "1.1.1.1/32",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_ones_are_admitted(address: str) -> None:
    assert AddressPolicy().admits(address)


@pytest.mark.parametrize("address", REFUSED)
def test_no_other_one_is(address: str) -> None:
    assert not AddressPolicy().admits(address)


def test_what_is_allowed_is_admitted_and_nothing_beside_it() -> None:
    policy = AddressPolicy(allowed=[ip_network("10.1.0.0/16"), ip_network("127.0.0.1"), ip_network("fd00:1::/32")])
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "fd00:1::5", "1.1.1.1"):
        assert policy.admits(address), address
    for address in ("10.2.0.1", "127.0.0.2", "::1", "fd00:2::5", "169.254.169.254", "64:ff9b::a01:203"):
        assert not policy.admits(address), address
