"""Client addresses: the sender of a request, and how hard that is to forge."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.access.clients import Client, Clients

PROXY = "10.0.0.1"
BEHIND = Clients(trusted=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")), unix=False)
DIRECT = Clients(trusted=(), unix=False)


def is_stranger(address: IPv4Address | IPv6Address) -> bool:
    return not BEHIND.trusts(str(address))


def is_plain(address: IPv6Address) -> bool:
    return address.ipv4_mapped is None


ipv4 = st.ip_addresses(v=4)
ipv6 = st.ip_addresses(v=6).map(lambda address: IPv6Address(int(address)))
strangers = (ipv4 | ipv6).filter(is_stranger)
rubbish = st.lists(st.binary(max_size=80) | strangers.map(lambda address: str(address).encode()), max_size=50)


def locate(*lines: bytes, peer: str | None = PROXY) -> str:
    return BEHIND.identify(peer, lines).address


class TestBuckets:
    def test_an_ipv4_address_is_a_client(self) -> None:
        assert DIRECT.identify("192.0.2.1", ()) == Client(address="192.0.2.1", bucket="192.0.2.1", through_proxy=False)

    def test_an_ipv6_network_of_64_bits_is_a_client(self) -> None:
        assert DIRECT.identify("2001:db8::1", ()).bucket == "2001:db8::/64"

    @given(ipv6.filter(is_plain), st.integers(0, 2**64 - 1))
    def test_neighbours_share_a_bucket_but_not_an_address(self, address: IPv6Address, host: int) -> None:
        neighbour = IPv6Address(int(address) >> 64 << 64 | host)
        here, there = DIRECT.identify(str(address), ()), DIRECT.identify(str(neighbour), ())

        assert (here.bucket == there.bucket) or neighbour.ipv4_mapped
        assert (here.address == there.address) == (address == neighbour)

    @given(ipv6.filter(is_plain))
    def test_the_next_network_is_another_bucket(self, address: IPv6Address) -> None:
        other = IPv6Address(int(address) ^ 1 << 64)

        assert DIRECT.identify(str(address), ()).bucket != DIRECT.identify(str(other), ()).bucket

    @given(ipv4)
    def test_ipv4_in_ipv6_counts_as_ipv4(self, address: IPv4Address) -> None:
        assert DIRECT.identify(f"::ffff:{address}", ()) == DIRECT.identify(str(address), ())

    def test_an_address_is_written_in_one_way(self) -> None:
        assert DIRECT.identify("2001:DB8:0:0::0001", ()).address == "2001:db8::1"

    def test_a_zone_does_not_matter(self) -> None:
        assert DIRECT.identify("fe80::1%eth0", ()) == DIRECT.identify("fe80::1", ())

    def test_a_peer_without_an_address_has_a_bucket_too(self) -> None:
        assert DIRECT.identify(None, ()) == Client(address="unix", bucket="unix", through_proxy=False)

    def test_a_peer_that_has_a_name_instead_keeps_it(self) -> None:
        assert DIRECT.identify("somewhere", ()).bucket == "somewhere"


class TestForwarding:
    @given(rubbish)
    def test_nobody_is_believed_where_no_proxy_is_trusted(self, lines: list[bytes]) -> None:
        assert DIRECT.identify(PROXY, lines) == Client(address=PROXY, bucket=PROXY, through_proxy=False)

    @given(strangers, rubbish)
    def test_a_stranger_is_not_believed(self, peer: IPv4Address | IPv6Address, lines: list[bytes]) -> None:
        assert BEHIND.identify(str(peer), lines) == DIRECT.identify(str(peer), ())

    @given(rubbish, strangers)
    def test_what_a_proxy_appended_counts_whatever_the_client_claims(
        self, forged: list[bytes], sender: IPv4Address | IPv6Address
    ) -> None:
        appended = b",".join([*forged, b" %s" % str(sender).encode()])

        for lines in ([appended], [*forged, str(sender).encode()]):
            client = BEHIND.identify(PROXY, lines)
            assert client.through_proxy
            assert (client.address, client.bucket) == _place(sender)

    @given(rubbish)
    def test_rubbish_never_fails_and_gives_a_clean_address(self, lines: list[bytes]) -> None:
        assert ip_address(BEHIND.identify(PROXY, lines).address)

    def test_a_chain_of_proxies_is_walked_to_its_end(self) -> None:
        assert locate(b"198.51.100.7, 192.0.2.1, 10.0.0.3", b"fd00::2, ::ffff:10.0.0.9") == "192.0.2.1"

    def test_a_chain_of_nothing_but_proxies_ends_at_the_first(self) -> None:
        assert locate(b"10.0.0.3, 10.0.0.2") == "10.0.0.3"

    @pytest.mark.parametrize("rubbish", [b"unknown", b"", b"_hidden", b"10.0.0.256", b"1.2.3", b"\xff", b"a" * 10_000])
    def test_rubbish_ends_the_walk_at_the_last_good_address(self, rubbish: bytes) -> None:
        assert locate(b"192.0.2.1," + rubbish + b",10.0.0.2") == "10.0.0.2"
        assert locate(b"192.0.2.1," + rubbish) == PROXY

    @pytest.mark.parametrize(
        ("entry", "address"),
        [
            (b"192.0.2.1:4242", "192.0.2.1"),
            (b"[2001:db8::1]:4242", "2001:db8::1"),
            (b"[2001:db8::1]", "2001:db8::1"),
            (b"2001:db8::1", "2001:db8::1"),
            (b"\t 192.0.2.1 ", "192.0.2.1"),
        ],
    )
    def test_an_entry_may_have_a_port(self, entry: bytes, address: str) -> None:
        assert locate(entry) == address

    def test_a_proxy_that_says_nothing_is_the_client_itself(self) -> None:
        assert BEHIND.identify(PROXY, ()) == Client(address=PROXY, bucket=PROXY, through_proxy=True)

    def test_a_long_list_is_read_from_the_right_and_not_to_its_end(self) -> None:
        assert locate(b"192.0.2.1," + b"10.0.0.2," * 10_000 + b"10.0.0.3") == "10.0.0.2"
        assert locate(*[b"192.0.2.1"] * 10_000, b"198.51.100.7") == "198.51.100.7"

    @pytest.mark.parametrize("network", ["::ffff:10.0.0.0/104", "::ffff:a00:0/104", "::ffff:10.0.0.1/128"])
    @pytest.mark.parametrize("peer", [PROXY, "::ffff:10.0.0.1", "::FFFF:A00:1"])
    def test_a_network_of_ipv4_in_ipv6_is_one_of_ipv4(self, network: str, peer: str) -> None:
        clients = Clients(trusted=(ip_network(network),), unix=False)
        assert clients.identify(peer, [b"::ffff:192.0.2.1"]) == clients.identify(PROXY, [b"192.0.2.1"])
        assert clients.identify(peer, [b"[::ffff:192.0.2.1]:80"]).address == "192.0.2.1"
        assert not clients.trusts("11.0.0.1")

    @given(ipv4, st.integers(0, 32))
    def test_it_trusts_the_same_addresses(self, address: IPv4Address, length: int) -> None:
        mapped = IPv6Network((int(address) | 0xFFFF << 32, 96 + length), strict=False)
        plain = IPv4Network((address, length), strict=False)
        assert Clients(trusted=(mapped,), unix=False) == Clients(trusted=(plain,), unix=False)

    def test_one_bad_client_does_not_share_the_bucket_of_the_others_behind_the_proxy(self) -> None:
        assert BEHIND.identify(PROXY, [b"192.0.2.1"]).bucket != BEHIND.identify(PROXY, [b"192.0.2.2"]).bucket


class TestUnixSockets:
    def test_their_peers_are_believed_only_by_setting(self) -> None:
        lines = [b"192.0.2.1"]

        assert BEHIND.identify(None, lines).address == "unix"
        assert Clients(trusted=(), unix=True).identify(None, lines).address == "192.0.2.1"
        assert not BEHIND.trusts(None)
        assert Clients(trusted=(), unix=True).trusts(None)

    def test_the_setting_makes_nobody_else_a_proxy(self) -> None:
        assert Clients(trusted=(), unix=True).identify("192.0.2.9", [b"192.0.2.1"]).address == "192.0.2.9"


def _place(address: IPv4Address | IPv6Address) -> tuple[str, str]:
    client = DIRECT.identify(str(address), ())
    return client.address, client.bucket
