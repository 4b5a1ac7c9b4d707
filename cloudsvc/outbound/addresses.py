"""
Addresses to which the server connects where somebody else has said where to: public ones, and those that the
configuration allows.

Whatever can be reached from the server alone is none of theirs: its own services, those of its network, and what a
cloud tells its machines about themselves (CWE-918, server-side request forgery).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from attrs import frozen

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# What the interpreter knows of special addresses is not the same in each of its versions: these never count as public.
_SPECIAL: Final[tuple[Network, ...]] = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
        ),
    )
)
"""Special-purpose addresses (RFC 6890 and the IANA's registries), multicast, and ways through other networks."""

_GLOBAL_UNICAST: Final = ip_network("2000::/3")
"""All public addresses of IPv6 so far (RFC 4291 section 2.4 and the IANA's registry)."""

_TRANSLATED: Final = ip_network("64:ff9b::/96")
"""Addresses of IPv4 behind a translator (RFC 6052): they lead where these do."""


def parse_address(text: str) -> Address | None:
    """
    The address that ``text`` is, as the network takes it; ``None`` where it is none.

    What is written as one of IPv6 and means one of IPv4 (RFC 4291 section 2.5.5.2) is that.
    """
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def is_public(address: Address) -> bool:
    """Whether anybody on the internet means the same machine by it."""
    if isinstance(address, IPv6Address):
        if address in _TRANSLATED:
            return is_public(IPv4Address(address.packed[-4:]))
        # Addresses with a zone are those of a link.
        if address.scope_id is not None or address not in _GLOBAL_UNICAST:
            return False
    return address.is_global and not any(address in network for network in _SPECIAL if _is_of(network, address))


@frozen(kw_only=True)
class AddressPolicy:
    """
    Which addresses are connected to.

    :ivar allowed: networks whose addresses are, besides the public ones.
    """

    allowed: Sequence[Network] = ()

    def admits(self, text: str) -> bool:
        """Whether ``text`` is an address that is connected to."""
        address = parse_address(text)
        if address is None:
            return False
        return is_public(address) or any(address in network for network in self.allowed if _is_of(network, address))


ANYWHERE: Final = AddressPolicy(allowed=(ip_network("0.0.0.0/0"), ip_network("::/0")))
"""Every address: for where the configuration itself says where to connect."""


def _is_of(network: Network, address: Address) -> bool:
    return network.version == address.version
