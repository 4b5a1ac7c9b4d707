"""TLS contexts, and a certificate loaded to serve with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from OpenSSL import SSL

from cloudsvc.core.errors import OperatorError
from cloudsvc.tls.pem import matches, read_certificates, read_key

_HTTP_1_1 = b"http/1.1"

# Mozilla's "intermediate" profile, without its finite-field key exchange, which no client of today needs.
_TLS_1_2_CIPHERS = b":".join(
    [
        b"ECDHE-ECDSA-AES128-GCM-SHA256",
        b"ECDHE-RSA-AES128-GCM-SHA256",
        b"ECDHE-ECDSA-AES256-GCM-SHA384",
        b"ECDHE-RSA-AES256-GCM-SHA384",
        b"ECDHE-ECDSA-CHACHA20-POLY1305",
        b"ECDHE-RSA-CHACHA20-POLY1305",
    ]
)
_TLS_1_3_CIPHERS = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
_CLASSICAL_GROUPS = b"X25519:P-256:P-384"
_GROUPS = b"X25519MLKEM768:" + _CLASSICAL_GROUPS

_SESSION_ID_CONTEXT = b"cloudsvc"

_OTHERS = 0o077


@frozen(kw_only=True)
class LoadedCertificate:
    """
    A key and its certificate, ready to serve.

    :ivar not_after: when the leaf ends, in seconds since the epoch.
    :ivar warnings: what an operator should put right although it can be served.
    """

    context: SSL.Context
    not_before: float
    not_after: float
    warnings: tuple[str, ...]

    def invalidity(self, now: float) -> str | None:
        """Why clients refuse the leaf at ``now`` (seconds since the epoch), or ``None``."""
        if now >= self.not_after:
            return "the certificate has expired: renew it"
        if now < self.not_before:
            return "the certificate is not valid yet: check the clock, or wait"
        return None


def load_certificate(key_file: Path, certificate_file: Path) -> LoadedCertificate:
    """
    Read a private key and the chain that belongs to it: the leaf first, then whatever leads to its authority.

    :raises OperatorError: when one cannot be read, they do not belong together, or OpenSSL refuses them as too weak.
    """
    key = read_key(key_file)
    leaf, *chain = read_certificates(certificate_file)
    if not matches(key, leaf):
        raise OperatorError(
            [f"{key_file} is not the key of the first certificate in {certificate_file}: put the matching pair there"]
        )
    context = make_context()
    try:
        context.use_certificate(leaf)
        for certificate in chain:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(key)  # type: ignore[arg-type]  # the kinds that OpenSSL has no use for are refused there
        context.check_privatekey()
    except (SSL.Error, TypeError) as error:
        raise OperatorError([f"OpenSSL refuses the certificate in {certificate_file} ({_describe(error)})"]) from None
    return LoadedCertificate(
        context=context,
        not_before=leaf.not_valid_before_utc.timestamp(),
        not_after=leaf.not_valid_after_utc.timestamp(),
        warnings=tuple(_inspect(key_file, certificate_file, leaf)),
    )


def make_context() -> SSL.Context:
    """
    A server context without a certificate: TLS 1.2 and 1.3, authenticated ciphers, forward secrecy, HTTP/1.1.

    Sessions resume by tickets (RFC 5077; RFC 8446, 2.2), which cost the server no memory, and never with early data.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(_TLS_1_2_CIPHERS)
    context.set_tls13_ciphersuites(_TLS_1_3_CIPHERS)
    _choose_groups(context)
    context.set_session_id(_SESSION_ID_CONTEXT)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_alpn_select_callback(_select_protocol)
    return context


def _choose_groups(context: SSL.Context) -> None:
    # pyOpenSSL has public means for one group only, and none for X25519.
    library, native = getattr(SSL, "_lib", None), getattr(context, "_context", None)
    choose = getattr(library, "SSL_CTX_set1_curves_list", None)
    if choose is None or not any(choose(native, groups) for groups in (_GROUPS, _CLASSICAL_GROUPS)):
        context.set_tmp_ecdh(SECP256R1())


def _select_protocol(_connection: SSL.Connection, offered: list[bytes]) -> Any:
    return _HTTP_1_1 if _HTTP_1_1 in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def _inspect(key_file: Path, certificate_file: Path, leaf: x509.Certificate) -> list[str]:
    warnings = []
    if key_file.stat().st_mode & _OTHERS:
        warnings.append(f"others than its owner may use the private key {key_file}: chmod 600 it")
    if not any(isinstance(extension.value, x509.SubjectAlternativeName) for extension in leaf.extensions):
        warnings.append(f"{certificate_file} has no subject alternative names: clients will refuse it")
    return warnings


def _describe(error: Exception) -> str:
    reasons = error.args[0] if isinstance(error, SSL.Error) and error.args else None
    if isinstance(reasons, list):
        return "; ".join(str(reason[-1]) for reason in reasons)
    return str(error)
