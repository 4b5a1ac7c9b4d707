"""Client addresses: the sender of a request, also behind trusted proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

from attrs import field, frozen

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

UNIX: Final = "unix"
"""What a peer without an address is called: one that came through a Unix socket."""

_HOPS: Final = 32
"""So many entries of ``X-Forwarded-For`` are read, from the right."""

_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_LONGEST_ENTRY: Final = 64
"""Bytes of such an entry: no address is longer, and none that is gets remembered."""

_REMEMBERED: Final = 4096
"""Addresses, of some 100 bytes each."""


@frozen(kw_only=True)
class Client:
    """
    The sender of a request.

    :ivar address: for logs: an IP address in its shortest form, or ``unix``.
    :ivar bucket: for counting: the IPv4 address, or the /64 network of an IPv6 address, since one subscriber has it
        whole.
    :ivar through_proxy: whether a trusted proxy passed the request on.
    """

    address: str
    bucket: str
    through_proxy: bool


def _unmap(networks: Iterable[Network]) -> tuple[Network, ...]:
    """``networks``, where those of IPv4 in IPv6 (RFC 4291, 2.5.5.2) are IPv4 as well."""
    return tuple(
        IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - _MAPPED.prefixlen))
        if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED)
        else network
        for network in networks
    )


@frozen(kw_only=True)
class Clients:
    """
    Tells clients apart.

    :ivar trusted: the networks of the proxies whose ``X-Forwarded-For`` is believed; IPv4 in IPv6 means IPv4.
    :ivar unix: whether whoever connects to a Unix socket is such a proxy.
    """

    trusted: tuple[Network, ...] = field(converter=_unmap)
    unix: bool
    _recall: Callable[[str | None], bool] = field(init=False, repr=False, eq=False)

    @_recall.default
    def _remember(self) -> Callable[[str | None], bool]:
        return lru_cache(_REMEMBERED)(self._look_up)

    def identify(self, peer_host: str | None, forwarded_for: Sequence[bytes]) -> Client:
        """
        The sender of a request.

        It is the rightmost address that is no trusted proxy: every trusted proxy appends whom it heard, and what stands
        further left may be forged. An entry that is no address ends the walk at the last good one.

        :param peer_host: address of the connection's other end; ``None`` for a Unix socket.
        :param forwarded_for: the ``X-Forwarded-For`` lines, in order.
        """
        if not (self.trusted or self.unix) or not self.trusts(peer_host):
            return _describe(peer_host, through_proxy=False)
        sender = peer_host
        for entry in _walk_back(forwarded_for):
            address = _parse_entry(entry) if len(entry) <= _LONGEST_ENTRY else None
            if address is None:
                break
            sender = address
            if not self.trusts(address):
                break
        return _describe(sender, through_proxy=True)

    def trusts(self, host: str | None) -> bool:
        """Whether ``host`` is a trusted proxy; ``None`` stands for a Unix socket's other end."""
        return self._recall(host)

    def _look_up(self, host: str | None) -> bool:
        if host is None:
            return self.unix
        address = _parse(host)
        return address is not None and any(address in network for network in self.trusted)


def _walk_back(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The entries of all ``lines`` from the right, as far as anyone should read (RFC 9110, 5.3: lines are one list)."""
    entries = b",".join(lines).rsplit(b",", _HOPS)
    return reversed(entries[-_HOPS:])


@lru_cache(_REMEMBERED)
def _parse_entry(entry: bytes) -> str | None:
    """The address in an entry, which some proxies write with a port: ``192.0.2.1:80``, ``[2001:db8::1]:80``."""
    text = entry.decode("latin-1").strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = _parse(text)
    return None if address is None else str(address)


def _parse(host: str) -> Address | None:
    """
    The address that ``host`` is.

    IPv4 in IPv6 (RFC 4291, 2.5.5.2) counts as IPv4; a zone (RFC 4007, 11) names a link of this host, not a client.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(_REMEMBERED)
def _describe(host: str | None, *, through_proxy: bool) -> Client:
    address = None if host is None else _parse(host)
    name = host or UNIX if address is None else str(address)
    bucket = str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else name
    return Client(address=name, bucket=bucket, through_proxy=through_proxy)
