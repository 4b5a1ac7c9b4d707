"""
Private certificate authority, and the certificate it signs for this server.

The certificate authority (below: the authority) is made once and lives ten years; clients trust it once, by
``certs/cert.pem`` or ``certs/ca.pem``, and every renewed certificate after that. It is name-constrained, so whoever
steals its key can still not impersonate any other site towards those clients.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloudsvc.core.errors import OperatorError
from cloudsvc.tls.files import CertificateFiles, exclusive, replace_files
from cloudsvc.tls.names import SubjectName, constrain, covers, find_missing, names_of, parse_names
from cloudsvc.tls.pem import matches, read_certificates, read_key

LONGEST_DAYS_VALID = 825
"""Some clients (Apple's) refuse what is valid for longer, even from an authority they were told to trust."""

_AUTHORITY_LIFETIME = timedelta(days=3650)
_CLOCK_SKEW = timedelta(minutes=5)
_OF_EVERY_HOST = frozenset({"localhost", "127.0.0.1", "::1"})
"""For these, which are configured by default, no authority of others vouches."""


@frozen(kw_only=True)
class Outcome:
    """
    What was written.

    :ivar certificate_made: there is a new key and certificate.
    :ivar authority_made: there is a new authority as well, so clients must be given ``cert.pem`` (once more).
    """

    certificate_made: bool
    authority_made: bool


@frozen(kw_only=True)
class _Authority:
    key: EllipticCurvePrivateKey
    certificate: x509.Certificate


def ensure_certificate(files: CertificateFiles, names: Sequence[str], days_valid: int, now: float) -> Outcome:
    """
    Make key and certificate when both are missing; leave anything that is there alone.

    :param names: host names and addresses that the certificate is for.
    :param now: seconds since the epoch.
    :raises OperatorError: when only one of the two is there, a name is not valid, or a file cannot be written.
    """
    subjects = parse_names(names)
    with exclusive(files):
        if _is_there(files.key, files.certificate):
            return Outcome(certificate_made=False, authority_made=False)
        return _issue(files, subjects, days_valid, now)


def renew_certificate(
    files: CertificateFiles,
    days_valid: int,
    now: float,
    names: Sequence[str] | None = None,
    wanted: Sequence[str] = (),
) -> Outcome:
    """
    Make a new key and certificate, signed by the same authority as before.

    :param names: what the new certificate is for. An authority whose constraints do not cover them is replaced, as is
        one too near its own end. ``None`` keeps the names of the present certificate, and with them the authority.
    :param wanted: names that are added to those which are kept, where the authority covers them.
    :raises OperatorError: when the present certificate is not ours, a name is not valid, or a file cannot be written.
    """
    subjects = None if names is None else parse_names(names)
    with exclusive(files):
        if files.certificate.exists() and not is_ours(files):
            fault = (
                f"{files.certificate} was not signed by the certificate authority in {files.directory}, so it is left "
                "as it is: renew it where it came from, or move it and its key away to have one made here"
            )
            raise OperatorError([fault])
        return _issue(files, subjects or _keep_names(files, wanted), days_valid, now)


def renew_when_due(
    files: CertificateFiles, days_valid: int, renew_before_days: int, now: float, wanted: Sequence[str] = ()
) -> Outcome | None:
    """
    Renew a certificate of ours that ends in less than ``renew_before_days`` days (or half its life, if that is less).

    :param wanted: names that it should be for. It is also due when one is missing for which the authority can vouch.
    :returns: ``None`` when nothing was due, as always with a certificate that is not ours.
    :raises OperatorError: when a file cannot be written.
    """
    if not _is_due(files, renew_before_days, now, wanted):
        return None
    with exclusive(files):
        # Another process may have renewed it while this one waited.
        if not _is_due(files, renew_before_days, now, wanted):
            return None
        return _issue(files, _keep_names(files, wanted), days_valid, now)


def explain_missing(files: CertificateFiles, wanted: Sequence[str], *, renews: bool) -> str | None:
    """
    What to do about names that the present certificate should be for and is not; ``None`` where there are none.

    :param renews: whether the server adds by itself what the authority can vouch for.
    :raises OperatorError: when the certificate cannot be read.
    """
    if not wanted:
        return None
    leaf, ours = _read_leaf(files), is_ours(files)
    missing = [
        name for name in find_missing(leaf, parse_names(wanted)) if ours or str(name.value) not in _OF_EVERY_HOST
    ]
    if not missing:
        return None
    what = f"the certificate {files.certificate} is not for {_list(missing)} (certificate.names)"
    if not ours:
        return f"{what}: get one that is where it came from, or take that out of certificate.names"
    kept = _keep_names(files, wanted)
    uncovered = [name for name in missing if name not in kept]
    if not uncovered:
        return f"{what}: {'the server adds that when it starts' if renews else 'run `cloudsvc generate-certificate`'}"
    every = " ".join(str(name.value) for name in (*names_of(leaf), *missing))
    return (
        f"{what}, and the certificate authority that clients trust cannot vouch for {_list(uncovered)}: "
        f"run `cloudsvc generate-certificate {every}`, then give {files.certificate} to every client once more"
    )


def _list(names: Sequence[SubjectName]) -> str:
    return ", ".join(str(name.value) for name in names)


def _keep_names(files: CertificateFiles, wanted: Sequence[str]) -> tuple[SubjectName, ...]:
    """The names of the present certificate, and those ``wanted`` for which the present authority can vouch as well."""
    leaf, authority = _read_leaf(files), _read_authority(files)
    missing = find_missing(leaf, parse_names(wanted)) if wanted else ()
    return (*names_of(leaf), *(name for name in missing if authority and covers(authority.certificate, [name])))


def is_ours(files: CertificateFiles) -> bool:
    """Whether the present certificate was signed by the private certificate authority, whose key is at hand."""
    try:
        authority = _read_authority(files)
        if authority is None:
            return False
        _read_leaf(files).verify_directly_issued_by(authority.certificate)
    except (OperatorError, InvalidSignature, ValueError, TypeError):
        return False
    return True


def _is_due(files: CertificateFiles, renew_before_days: int, now: float, wanted: Sequence[str]) -> bool:
    if not is_ours(files):
        return False
    leaf = _read_leaf(files)
    if len(_keep_names(files, wanted)) > len(names_of(leaf)):
        return True
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return leaf.not_valid_after_utc - _moment(now) < min(timedelta(days=renew_before_days), lifetime / 2)


def _issue(files: CertificateFiles, names: Sequence[SubjectName], days_valid: int, now: float) -> Outcome:
    if not 1 <= days_valid <= LONGEST_DAYS_VALID:
        raise OperatorError([f"a certificate cannot be valid for {days_valid} days: give 1 to {LONGEST_DAYS_VALID}"])
    if files.key == files.certificate:
        raise OperatorError([f"{files.key} is to hold both key and certificate: give them different files"])
    begin = _moment(now)
    end = begin + timedelta(days=days_valid)
    contents: dict[Path, bytes] = {}
    present = _read_authority(files)
    if present is not None and _can_vouch(present.certificate, names, end):
        authority = present
    else:
        authority = _make_authority(names, begin)
        contents[files.authority_key] = _encode_key(authority.key)
        contents[files.authority_certificate] = _encode_certificate(authority.certificate)
    key = generate_private_key(SECP256R1())
    leaf = _sign_leaf(authority, key, names, begin, end)
    contents[files.key] = _encode_key(key)
    contents[files.certificate] = _encode_certificate(leaf) + _encode_certificate(authority.certificate)
    replace_files(files, contents)
    return Outcome(certificate_made=True, authority_made=authority is not present)


def _can_vouch(authority: x509.Certificate, names: Sequence[SubjectName], end: datetime) -> bool:
    return covers(authority, names) and authority.not_valid_after_utc >= end


def _read_leaf(files: CertificateFiles) -> x509.Certificate:
    return read_certificates(files.certificate)[0]


def _read_authority(files: CertificateFiles) -> _Authority | None:
    if not _is_there(files.authority_key, files.authority_certificate):
        return None
    key = read_key(files.authority_key)
    certificate = read_certificates(files.authority_certificate)[0]
    if not isinstance(key, EllipticCurvePrivateKey) or not matches(key, certificate):
        raise OperatorError(
            [f"{files.authority_key} is not the key of {files.authority_certificate}: restore the pair"]
        )
    return _Authority(key=key, certificate=certificate)


def _is_there(key: Path, certificate: Path) -> bool:
    if key.exists() == certificate.exists():
        return key.exists()
    present, absent = (key, certificate) if key.exists() else (certificate, key)
    raise OperatorError([f"{present} is there without {absent}: restore the second or move the first away"])


def _make_authority(names: Sequence[SubjectName], begin: datetime) -> _Authority:
    key = generate_private_key(SECP256R1())
    serial = x509.random_serial_number()
    # A name of its own keeps a replaced authority and its successor apart in a client's trust store.
    name = _distinguish(f"cloudsvc private authority {serial:x}"[:40])
    certificate = (
        _certify(name, name, key, begin, begin + _AUTHORITY_LIFETIME)
        .serial_number(serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(constrain(names), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return _Authority(key=key, certificate=certificate)


def _sign_leaf(
    authority: _Authority, key: EllipticCurvePrivateKey, names: Sequence[SubjectName], begin: datetime, end: datetime
) -> x509.Certificate:
    issuer = authority.key.public_key()
    return (
        _certify(_distinguish("cloudsvc server"), authority.certificate.subject, key, begin, end)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        .sign(authority.key, SHA256())
    )


def _certify(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .not_valid_before(begin - _CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _distinguish(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _encode_key(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _encode_certificate(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _moment(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)
