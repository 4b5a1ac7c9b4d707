"""Trust in servers of others: each has to show a certificate for its name, signed by whoever is trusted for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from attrs import define, field
from OpenSSL import crypto
from twisted.internet.ssl import Certificate, optionsForClientTLS, platformTrust, trustRootFromCertificates

_MOST_HOSTS: Final = 64
"""For which how TLS is spoken is kept: to make it reads all certificates that are trusted."""

_MARK: Final = b"-----BEGIN CERTIFICATE-----"


@define(eq=False)
class Trust:
    """
    How TLS is spoken with hosts.

    :param authorities: whose signatures are trusted, as Twisted takes them; without any, those that the system trusts.
    """

    _authorities: Any = field(factory=platformTrust)
    _options: dict[str, Any] = field(factory=dict, init=False)

    def make_options(self, host: str) -> Any:
        """TLS for a host, as :func:`twisted.internet.ssl.optionsForClientTLS` gives it."""
        if host not in self._options:
            if len(self._options) >= _MOST_HOSTS:
                self._options.clear()
            self._options[host] = optionsForClientTLS(host, trustRoot=self._authorities)
        return self._options[host]


def read_trust(file: Path | None) -> Trust:
    """
    Trust in the authorities whose certificates are in a file. Blocks.

    :param file: in PEM; ``None`` for those that the system trusts.
    :raises OSError: it cannot be read.
    :raises ValueError: there is no certificate in it, or one that is none.
    """
    if file is None:
        return Trust()
    parts = file.read_bytes().split(_MARK)[1:]
    try:
        found = [Certificate.loadPEM(_MARK + part) for part in parts]
    except (crypto.Error, ValueError) as problem:
        raise ValueError("a certificate in it cannot be read") from problem
    if not found:
        raise ValueError("there is no certificate in it")
    return Trust(trustRootFromCertificates(found))
