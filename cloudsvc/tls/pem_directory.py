"""
Examination of the directory of Twisted's endpoint ``tls:DIR`` before Twisted reads it.

Twisted follows issuers from a certificate to its authority and does not stop at an authority that has signed itself: it
hangs, and takes all memory. An encrypted key makes it ask for a passphrase on the terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

_FIRST = re.compile(r"(?:(?:cloudsvc|haproxy):)*tls:((?:[^:\\]|\\.)*)").match
_NAMED = re.compile(r"(?<!\\):path=((?:[^:\\]|\\.)*)").search
_unquote = re.compile(r"\\(.)").sub
_blocks = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL).finditer
_CERTIFICATE: Final = b"CERTIFICATE"


@frozen(kw_only=True)
class _Found:
    """A certificate and the file that holds it."""

    path: Path
    certificate: x509.Certificate

    @property
    def public_key(self) -> bytes:
        """The key it is for, in comparable form."""
        return self.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check_pem_directory(description: str) -> None:
    """
    Nothing where ``description`` is no ``tls:`` endpoint, or one that Twisted can read.

    :raises ValueError: it would hang, or serve nobody; says which file is the reason.
    """
    directory = _find_directory(description)
    if directory is None:
        return
    found: list[_Found] = []
    keys: set[bytes] = set()
    for path in sorted(directory.rglob("*.pem")):
        if path.is_file():
            for label, block in _read_blocks(path):
                if label == _CERTIFICATE:
                    found.append(_Found(path=path, certificate=x509.load_pem_x509_certificate(block)))
                else:
                    keys.add(_read_key(path, block))
    if b"" not in keys and not any(each.public_key in keys for each in found):
        raise ValueError(
            f"{directory} has no certificate with its private key in files *.pem: put them there, or listen at"
            " cloudsvc:tcp:PORT"
        )
    issuers = {each.certificate.subject: each for each in found if each.public_key not in keys}
    for each in found:
        _follow(each, issuers)


def _follow(leaf: _Found, issuers: dict[x509.Name, _Found]) -> None:
    seen: set[x509.Name] = set()
    name = leaf.certificate.issuer
    while name in issuers:
        if name in seen:
            raise ValueError(
                f"{issuers[name].path} holds an authority that has signed itself, at which Twisted's tls: never ends:"
                " leave that certificate out of the directory, or listen at cloudsvc:tcp:PORT"
            )
        seen.add(name)
        name = issuers[name].certificate.issuer


def _find_directory(description: str) -> Path | None:
    first = _FIRST(description)
    if first is None:
        return None
    named = _NAMED(f":{description.partition('tls:')[2]}")
    return Path(_unquote(r"\1", named[1] if named else first[1]))


def _read_blocks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    for block in _blocks(path.read_bytes()):
        yield block[1], block[0]


def _read_key(path: Path, block: bytes) -> bytes:
    try:
        key = load_pem_private_key(block, None)
    except TypeError:
        raise ValueError(f"the private key in {path} is encrypted: store it without a passphrase, mode 0600") from None
    except (ValueError, UnsupportedAlgorithm):
        return b""  # Whatever it is, Twisted will tell.
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
