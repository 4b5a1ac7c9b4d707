"""Keys and certificates read from PEM files; every error becomes a sentence that says what to do."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISREG

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from cloudsvc.core.errors import OperatorError


def read_key(path: Path) -> PrivateKeyTypes:
    """
    The private key in ``path``.

    :raises OperatorError: when it is missing, not readable, encrypted, or no key.
    """
    content = _read(path)
    try:
        return load_pem_private_key(content, None)
    except TypeError:
        raise OperatorError(
            [f"the private key {path} is encrypted: store it without a passphrase, mode 0600"]
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise OperatorError(
            [f"{path} holds no private key in PEM form: restore it or make a new certificate"]
        ) from None


def read_certificates(path: Path) -> list[x509.Certificate]:
    """
    The certificates in ``path``, at least one, in their order.

    :raises OperatorError: when it is missing, not readable, or holds no certificate.
    """
    content = _read(path)
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        raise OperatorError([f"{path} holds no certificate in PEM form: restore it or make a new one"]) from None


def matches(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    """Whether ``certificate`` is for the public half of ``key``."""
    return _encode(key.public_key()) == _encode(certificate.public_key())


def _read(path: Path) -> bytes:
    try:
        # A pipe would hold up whoever opens it until somebody writes to it.
        with open(path, "rb", opener=_open_at_once) as file:
            if S_ISREG(os.fstat(file.fileno()).st_mode):
                return file.read()
    except FileNotFoundError:
        raise OperatorError(
            [f"{path} is missing: make it with 'cloudsvc generate-certificate', or name the file in config.certificate"]
        ) from None
    except OSError as error:
        raise OperatorError([f"cannot read {path}: {error.strerror}: let the server's user read it"]) from None
    raise OperatorError([f"{path} is no regular file: put the file itself there, or a link to it"])


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _encode(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
