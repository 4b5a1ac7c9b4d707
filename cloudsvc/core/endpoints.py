"""Parsing of Twisted's endpoint descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from attrs import frozen

TLS_PREFIX: Final = "cloudsvc"
"""Puts this server's TLS around the description that follows it."""

_LAST_PORT: Final = 65535
_wrappers: Final = re.compile(rf"(?:(?:{TLS_PREFIX}|haproxy):)*").match
_port: Final = re.compile(r"(?:tcp|ssl):(?:port=)?(-?\d+)(?=:|$)").match
_listener: Final = re.compile(
    rf"{TLS_PREFIX}:(?P<proxied>haproxy:)?tcp:(?:port=)?(?P<port>\d+)(?P<rest>:.*)?"
).fullmatch
_interface: Final = re.compile(r":interface=((?:[^:\\]|\\.)*)").search
_unquote: Final = re.compile(r"\\(.)").sub
_no_number: Final = re.compile(r"invalid literal for int\(\) with base \d+: ").sub


def check_description(description: str) -> None:
    """
    Nothing is bound, and nothing said of what only this host can tell, such as sockets of systemd and files of keys.

    :raises ValueError: ``description`` is no endpoint description; it says why.
    """
    # Costly to import, for what few configurations have.
    from twisted.internet.endpoints import serverFromString  # noqa: PLC0415  # see above

    wrappers = _wrappers(description)
    inner = description[wrappers.end() if wrappers else 0 :]
    if inner in {"", TLS_PREFIX}:
        raise ValueError(f"there is nothing to listen on in {description!r}: write one like '{TLS_PREFIX}:tcp:8443'")
    found = _port(inner)
    if found is not None and int(found[1]) not in range(_LAST_PORT + 1):
        raise ValueError(f"a port is a number from 0 to {_LAST_PORT}, not {found[1]}")
    if inner.startswith("tls:"):
        return  # Its parser reads the certificates, and hangs at some: binding will tell.
    try:
        serverFromString(None, inner)
    except (TypeError, ValueError) as problem:
        reason = _no_number("no number is ", str(problem))
        raise ValueError(
            f"it is not a valid endpoint description ({reason}): compare it with docs/certificates.md"
        ) from None
    except Exception:  # noqa: BLE001  # parsers are plugins and raise what they like: binding will tell
        return


@frozen(kw_only=True)
class Listener:
    """
    Where this server's TLS can be asked for.

    :ivar host: empty where it is every address.
    :ivar proxied: whether the PROXY protocol comes first.
    """

    host: str
    port: int
    proxied: bool = False


def find_listener(descriptions: Iterable[str]) -> Listener | None:
    """The first of ``descriptions`` that puts this server's TLS on a TCP port, or ``None``."""
    for found in filter(None, map(_listener, descriptions)):
        interface = _interface(found["rest"] or "")
        host = _unquote(r"\1", interface[1]) if interface else ""
        return Listener(host=host, port=int(found["port"]), proxied=found["proxied"] is not None)
    return None
