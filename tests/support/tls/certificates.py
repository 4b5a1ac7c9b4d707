"""Certificates for tests, made here and elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import provider

from cloudsvc.tls.certificate_authority import ensure_certificate
from cloudsvc.tls.files import CertificateFiles
from cloudsvc.tls.names import parse_names

NAMES = ["localhost", "127.0.0.1", "::1"]
DAY = 86400.0


def locate(directory: Path) -> CertificateFiles:
    return CertificateFiles.locate(directory, directory / "key.pem", directory / "cert.pem")


def make(directory: Path, now: float, *names: str, days_valid: int = 365) -> CertificateFiles:
    files = locate(directory)
    assert ensure_certificate(files, names or NAMES, days_valid, now).certificate_made
    return files


def copy_pair(source: CertificateFiles, target: CertificateFiles) -> None:
    """Put key and certificate where others are, as a careful operator does: whole, and the key first."""
    for old, new in ((source.key, target.key), (source.certificate, target.certificate)):
        beside = new.with_name(f"{new.name}.beside")
        beside.write_bytes(old.read_bytes())
        beside.chmod(0o600)
        beside.replace(new)


def leaf_of(files: CertificateFiles) -> x509.Certificate:
    return x509.load_pem_x509_certificates(files.certificate.read_bytes())[0]


def sign_elsewhere(
    files: CertificateFiles,
    key: CertificateIssuerPrivateKeyTypes,
    now: float,
    *,
    passphrase: bytes | None = None,
    names: Sequence[str] = NAMES,
) -> None:
    """A self-signed certificate that no authority of ours knows."""
    begin = datetime.fromtimestamp(now, UTC)
    name = x509.Name.from_rfc4514_string("CN=elsewhere")
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=90))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(parse_names(names)), critical=False)
    certificate = builder.sign(key, SHA256())
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    files.key.parent.mkdir(exist_ok=True)
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    files.key.chmod(0o600)
    files.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))


def sign_by_intermediate(files: CertificateFiles, now: float) -> None:
    """A leaf and the certificate of who signed it, whose own root is not there."""
    begin = datetime.fromtimestamp(now, UTC)
    root, middle, leaf = (x509.Name.from_rfc4514_string(f"CN={name}") for name in ("root", "middle", "leaf"))
    root_key, middle_key, leaf_key = make_key(), make_key(), make_key()

    def sign(
        subject: x509.Name,
        issuer: x509.Name,
        key: CertificateIssuerPrivateKeyTypes,
        signer: CertificateIssuerPrivateKeyTypes,
        *extensions: x509.ExtensionType,
    ) -> bytes:
        builder = (
            x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=90))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(signer, SHA256()).public_bytes(Encoding.PEM)

    signed = sign(leaf, middle, leaf_key, middle_key, x509.SubjectAlternativeName(parse_names(NAMES)))
    signed += sign(middle, root, middle_key, root_key, x509.BasicConstraints(ca=True, path_length=0))
    files.key.write_bytes(leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files.certificate.write_bytes(signed)


def make_key() -> CertificateIssuerPrivateKeyTypes:
    return generate_private_key(SECP256R1())


def shake_hands(client: SSL.Connection, server: SSL.Connection) -> None:
    """A handshake in memory, and whatever the server sends after it."""
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(3):
        for one, other in ((client, server), (server, client)):
            with suppress(SSL.WantReadError):
                one.do_handshake()
                one.read(1)
            with suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(1 << 16))
    with suppress(SSL.WantReadError):
        client.read(1)


@contextmanager
def logged() -> Iterator[list[str]]:
    """Collects the lines that are logged meanwhile, each with its level."""
    lines: list[str] = []

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        lines.append(f"{event['log_level'].name}: {formatEvent(event)}")

    globalLogPublisher.addObserver(observe)
    try:
        yield lines
    finally:
        globalLogPublisher.removeObserver(observe)
