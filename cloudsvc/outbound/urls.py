"""
URLs of others' servers, in the one form that every reader understands in the same way.

Where two parsers differ, one checks a host and the other connects to another one. So what is unusual is refused:
accounts in front of the host, white space, backslashes, other characters than those of ASCII.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from cloudsvc.outbound.addresses import AddressPolicy, parse_address

MAX_URL: Final = 2_000
"""Characters of a URL."""

_LABEL: Final = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_FORM: Final = (
    rf"(https?)://((?:{_LABEL}\.)*{_LABEL}|\[[0-9A-Fa-f:.]{{2,45}}\])(?::([1-9][0-9]{{0,4}}))?"
    r"(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)?"
)
_URL: Final = re.compile(_FORM, re.ASCII)
_PORTS: Final = {"https": 443, "http": 80}
_MAX_HOST: Final = 253
_MAX_PORT: Final = 65_535


def make_url_pattern() -> str:
    """The form of URLs for the description of an API: a regular expression as JSON Schema has them (ECMA-262)."""
    return f"^{_FORM}$"


@frozen(kw_only=True)
class Destinations:
    """
    Where requests may go.

    :ivar addresses: to which of them.
    :ivar ports: to which of them; none is all.
    :ivar allows_http: whether without encryption too.
    """

    addresses: AddressPolicy
    ports: frozenset[int] = frozenset()
    allows_http: bool = False

    def check(self, text: str) -> str:
        """
        ``text``, a URL to which requests may go, as far as can be told before its host is looked up.

        :raises ValueError: it is none, and why.
        """
        if len(text) > MAX_URL:
            raise ValueError(f"it can have at most {MAX_URL} characters")
        found = _URL.fullmatch(text)
        if found is None:
            raise ValueError(
                "write https://HOST/PATH, with neither a user nor a fragment, in characters of ASCII (others are"
                " percent-encoded, and a host is written as xn--…)"
            )
        scheme, host, port = found[1], found[2].strip("[]"), int(found[3] or _PORTS[found[1]])
        if scheme == "http" and not self.allows_http:
            raise ValueError("it has to begin with https://")
        if port > _MAX_PORT or (self.ports and port not in self.ports):
            known = ", ".join(map(str, sorted(self.ports))) or f"1 to {_MAX_PORT}"
            raise ValueError(f"its port has to be one of {known}")
        if len(host) > _MAX_HOST:
            raise ValueError(f"its host can have at most {_MAX_HOST} characters")
        is_address = found[2].startswith("[") or parse_address(host) is not None
        if is_address and not self.addresses.admits(host):
            raise ValueError("its address is not one to which this server sends")
        return text
