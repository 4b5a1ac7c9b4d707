"""Hosts, as people name them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias

import idna

Address: TypeAlias = IPv4Address | IPv6Address

WILDCARD: Final = "*."
"""Before the name of all hosts directly below another."""


def parse_host(text: str) -> Address | str:
    """
    The address that ``text`` is, else the host name in ASCII (RFC 5890), also of ``*.example.org``.

    :raises ValueError: says why it is neither.
    """
    bare = text.strip().removeprefix("[").removesuffix("]")
    if "%" in bare:
        raise ValueError("an address with a zone is valid on one host only")
    try:
        return ip_address(bare)
    except ValueError:
        wildcard = WILDCARD if bare.startswith(WILDCARD) else ""
        host = idna.encode(bare.removeprefix(wildcard).removesuffix("."), uts46=True, std3_rules=True).decode("ascii")
        if host.rpartition(".")[2].isdigit():
            raise ValueError("it looks like an address but is none") from None
        return wildcard + host
