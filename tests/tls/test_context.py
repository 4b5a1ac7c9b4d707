"""TLS contexts: which files can be served, what is said of others, and which TLS comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from OpenSSL import SSL

from cloudsvc.core.errors import OperatorError
from cloudsvc.tls.context import load_certificate
from cloudsvc.tls.files import CertificateFiles
from tests.support.tls.certificates import DAY, locate, make, make_key, shake_hands, sign_elsewhere

NOW = 1_800_000_000.0


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return make(tmp_path / "certs", NOW)


def fault_of(files: CertificateFiles) -> str:
    with pytest.raises(OperatorError) as caught:
        load_certificate(files.key, files.certificate)
    (line,) = caught.value.lines
    return line


def connect(files: CertificateFiles, *offered: bytes) -> SSL.Connection:
    """The client's side of a connection to a server with the certificate in ``files``."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_alpn_protos(list(offered))
    client = SSL.Connection(context, None)
    shake_hands(client, SSL.Connection(load_certificate(files.key, files.certificate).context, None))
    return client


def test_loaded_certificate_knows_when_it_is_valid(files: CertificateFiles) -> None:
    loaded = load_certificate(files.key, files.certificate)
    assert loaded.not_after == NOW + 365 * DAY
    assert loaded.invalidity(NOW) is None
    assert "expired" in str(loaded.invalidity(NOW + 366 * DAY))
    assert "not valid yet" in str(loaded.invalidity(NOW - DAY))
    assert loaded.warnings == ()


@pytest.mark.parametrize("which", ["key", "certificate"])
def test_missing_file_says_how_to_make_it(files: CertificateFiles, which: str) -> None:
    getattr(files, which).unlink()
    assert f"{getattr(files, which)} is missing: make it with" in fault_of(files)


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
@pytest.mark.parametrize("which", ["key", "certificate"])
def test_garbage_is_a_fault(files: CertificateFiles, which: str, content: bytes) -> None:
    getattr(files, which).write_bytes(content)
    assert f"{getattr(files, which)} holds no" in fault_of(files)


@pytest.mark.parametrize("which", ["key", "certificate"])
def test_half_written_file_is_a_fault(files: CertificateFiles, which: str) -> None:
    path: Path = getattr(files, which)
    path.write_bytes(path.read_bytes()[:150])
    assert f"{path} holds no" in fault_of(files)


def test_directory_in_place_of_a_file_is_a_fault(files: CertificateFiles) -> None:
    files.key.unlink()
    files.key.mkdir()
    assert f"cannot read {files.key}" in fault_of(files)


def test_key_of_another_certificate_is_a_fault(files: CertificateFiles, tmp_path: Path) -> None:
    files.key.write_bytes(make(tmp_path / "other", NOW).key.read_bytes())
    assert "is not the key of the first certificate" in fault_of(files)


def test_encrypted_key_is_a_fault(tmp_path: Path) -> None:
    files = locate(tmp_path)
    sign_elsewhere(files, make_key(), NOW, passphrase=b"secret")
    assert "is encrypted" in fault_of(files)


def test_weak_key_is_a_fault(tmp_path: Path) -> None:
    files = locate(tmp_path)
    sign_elsewhere(files, generate_rsa_key(65537, 1024), NOW)  # noqa: S505 - weak on purpose
    assert "OpenSSL refuses the certificate" in fault_of(files)


def test_rsa_certificate_of_an_operator_is_served(tmp_path: Path) -> None:
    files = locate(tmp_path)
    sign_elsewhere(files, generate_rsa_key(65537, 2048), NOW)
    assert load_certificate(files.key, files.certificate).warnings == ()


def test_key_and_certificate_may_share_a_file(files: CertificateFiles) -> None:
    files.key.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    assert load_certificate(files.key, files.key).not_after == NOW + 365 * DAY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_key_that_others_may_use_is_served_with_a_warning(files: CertificateFiles, mode: int) -> None:
    files.key.chmod(mode)
    assert load_certificate(files.key, files.certificate).warnings == (
        f"others than its owner may use the private key {files.key}: chmod 600 it",
    )


def test_certificate_that_names_nobody_is_served_with_a_warning(tmp_path: Path) -> None:
    files = locate(tmp_path)
    sign_elsewhere(files, make_key(), NOW, names=())
    (warning,) = load_certificate(files.key, files.certificate).warnings
    assert "no subject alternative names" in warning


@pytest.mark.parametrize(("offered", "chosen"), [([b"h2", b"http/1.1"], b"http/1.1"), ([b"h2"], b"")])
def test_http_2_is_never_chosen(files: CertificateFiles, offered: list[bytes], chosen: bytes) -> None:
    client = connect(files, *offered)
    assert client.get_alpn_proto_negotiated() == chosen
    assert client.get_protocol_version_name() == "TLSv1.3"


def test_key_exchange_withstands_quantum_computers_where_the_library_can(files: CertificateFiles) -> None:
    assert connect(files, b"http/1.1").get_group_name() in {"X25519MLKEM768", "x25519"}


def test_without_a_means_to_choose_groups_there_is_one_good_group(
    files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("OpenSSL.SSL._lib.SSL_CTX_set1_curves_list", None)
    assert connect(files, b"http/1.1").get_group_name() in {"secp256r1", "prime256v1", "P-256"}
