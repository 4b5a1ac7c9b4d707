"""The private authority and what it signs, as seen by OpenSSL."""

from __future__ import annotations

import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from cloudsvc.core.errors import OperatorError
from cloudsvc.tls.certificate_authority import ensure_certificate, is_ours, renew_certificate, renew_when_due
from cloudsvc.tls.context import load_certificate
from cloudsvc.tls.files import CertificateFiles, exclusive, replace_files
from cloudsvc.tls.names import names_of
from tests.support.tls.certificates import DAY, NAMES, copy_pair, leaf_of, locate, make, make_key, sign_elsewhere
from tests.support.tls.servers import TIMEOUT

NOW = 1_800_000_000.0


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return make(tmp_path / "certs", NOW)


def verify(trusted: Path, certificate: Path, *arguments: str) -> str:
    """What ``openssl verify`` says of a certificate at the time of these tests."""
    command = ["openssl", "verify", "-attime", str(int(NOW)), "-purpose", "sslserver", "-CAfile", str(trusted)]
    done = subprocess.run(
        [*command, *arguments, str(certificate)], capture_output=True, text=True, check=False, timeout=TIMEOUT
    )
    return done.stdout + done.stderr


def contents(files: CertificateFiles) -> list[bytes]:
    return [path.read_bytes() for path in (files.key, files.certificate, files.authority_key)]


def test_certificate_key_and_directory_are_for_their_owner_alone(files: CertificateFiles) -> None:
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (files.directory, files.key, files.authority_key)]
    assert modes == [0o700, 0o600, 0o600]


def test_certificate_names_every_name_given(files: CertificateFiles) -> None:
    for option, name in (("-verify_hostname", NAMES[0]), ("-verify_ip", NAMES[1]), ("-verify_ip", NAMES[2])):
        assert verify(files.certificate, files.certificate, option, name).endswith(": OK\n")
    assert "hostname mismatch" in verify(files.certificate, files.certificate, "-verify_hostname", "other.example")


def test_leaf_is_what_a_server_certificate_is_today(files: CertificateFiles) -> None:
    leaf, authority = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    leaf.verify_directly_issued_by(authority)
    key = leaf.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]
    assert leaf.not_valid_after_utc.timestamp() == NOW + 365 * DAY
    assert authority.not_valid_after_utc.timestamp() == NOW + 3650 * DAY
    assert authority.extensions.get_extension_for_class(x509.NameConstraints).critical


@pytest.mark.parametrize(
    ("names", "foreign"),
    [
        (["localhost"], "bank.example"),
        (["localhost"], "10.0.0.1"),
        (["127.0.0.1"], "bank.example"),
        (["127.0.0.1"], "127.0.0.2"),
        (["127.0.0.1", "host.example"], "::1"),
        (["host.example"], "nothost.example"),
        (["::1"], "127.0.0.1"),
    ],
)
def test_authority_cannot_vouch_for_any_other_name(tmp_path: Path, names: list[str], foreign: str) -> None:
    """What a thief of the authority's key signs is refused by whoever trusts the authority."""
    ours = make(tmp_path / "ours", NOW, *names)
    wide = make(tmp_path / "wide", NOW, *names, foreign)
    # The thief re-signs the leaf for the foreign name with our authority's key.
    key = load_pem_private_key(ours.authority_key.read_bytes(), None)
    authority = x509.load_pem_x509_certificate(ours.authority_certificate.read_bytes())
    template = leaf_of(wide)
    builder = x509.CertificateBuilder(
        authority.subject,
        template.subject,
        template.public_key(),
        x509.random_serial_number(),
        template.not_valid_before_utc,
        template.not_valid_after_utc,
        [
            extension
            for extension in template.extensions
            if not isinstance(extension.value, x509.AuthorityKeyIdentifier)
        ],
    )
    forged = tmp_path / "forged.pem"
    assert isinstance(key, EllipticCurvePrivateKey)
    forged.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    answer = verify(ours.authority_certificate, forged)
    assert "permitted subtree violation" in answer or "excluded subtree violation" in answer


@pytest.mark.parametrize("names", [["localhost"], ["127.0.0.1"], ["::1"], ["*.example.org"], NAMES])
def test_any_mixture_of_names_verifies(tmp_path: Path, names: list[str]) -> None:
    files = make(tmp_path / "certs", NOW, *names)
    assert verify(files.authority_certificate, files.certificate).endswith(": OK\n")
    leaf, authority = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    for name in names_of(leaf):
        subject = x509.DNSName(name.value.replace("*", "any")) if isinstance(name, x509.DNSName) else name
        policy = PolicyBuilder().store(Store([authority])).time(datetime.fromtimestamp(NOW, UTC))
        assert policy.build_server_verifier(subject).verify(leaf, []) == [leaf, authority]


def test_what_is_there_is_left_alone(files: CertificateFiles) -> None:
    before = contents(files)
    assert not ensure_certificate(files, ["other.example"], 1, NOW).certificate_made
    assert contents(files) == before


def test_key_without_its_certificate_is_a_fault_that_keeps_the_key(files: CertificateFiles) -> None:
    key = files.key.read_bytes()
    files.certificate.unlink()
    with pytest.raises(OperatorError, match=r"key.pem is there without .*cert.pem"):
        ensure_certificate(files, NAMES, 365, NOW)
    assert files.key.read_bytes() == key


def test_a_certificate_saved_before_renewal_verifies_the_one_after_it(files: CertificateFiles, tmp_path: Path) -> None:
    saved = tmp_path / "saved.pem"
    saved.write_bytes(files.certificate.read_bytes())
    key = files.key.read_bytes()
    outcome = renew_certificate(files, 365, NOW)
    assert (outcome.certificate_made, outcome.authority_made) == (True, False)
    assert files.key.read_bytes() != key
    assert files.certificate.read_bytes() != saved.read_bytes()
    assert verify(saved, files.certificate, "-verify_hostname", "localhost").endswith(": OK\n")


def test_fewer_names_keep_the_authority_and_more_names_replace_it(files: CertificateFiles) -> None:
    assert not renew_certificate(files, 365, NOW, ["localhost", "sub.localhost"]).authority_made
    assert renew_certificate(files, 365, NOW, ["localhost", "new.example"]).authority_made
    assert verify(files.authority_certificate, files.certificate, "-verify_hostname", "new.example").endswith("OK\n")


@pytest.mark.parametrize("name", ["evillocalhost", "evil-localhost", "localhost.example", "ocalhost"])
def test_an_authority_vouches_for_no_name_that_only_looks_like_its_own(files: CertificateFiles, name: str) -> None:
    assert renew_certificate(files, 365, NOW, ["localhost", name]).authority_made


def test_files_are_durable_before_they_take_their_places_and_so_are_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure after ``init`` leaves a pair that belongs together, or none."""
    happened: list[tuple[str, Path]] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        fsync(descriptor)
        happened.append(("durable", Path(f"/proc/self/fd/{descriptor}").readlink()))

    def note_replace(source: Path, target: Path) -> None:
        replace(source, target)
        happened.extend([("left", Path(source)), ("taken", Path(target))])

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    files = CertificateFiles.locate(tmp_path / "ca", tmp_path / "key" / "key.pem", tmp_path / "cert" / "cert.pem")
    ensure_certificate(files, NAMES, 365, NOW)

    every = (files.key, files.certificate, files.authority_key, files.authority_certificate)
    decided = happened.index(("taken", files.key))
    for path in every:
        taken = happened.index(("taken", path))
        (_, staged) = happened[taken - 1]
        assert ("durable", staged) in happened[:decided]
        assert ("durable", path.parent) in happened[taken:]
    following = happened.index(("taken", files.certificate))
    assert ("durable", files.key.parent) in happened[decided:following], "the decision comes first"


def test_authority_near_its_end_is_replaced(files: CertificateFiles) -> None:
    assert not renew_certificate(files, 365, NOW + 3284 * DAY).authority_made
    assert renew_certificate(files, 365, NOW + 3286 * DAY).authority_made


def test_a_certificate_from_elsewhere_is_never_touched(files: CertificateFiles) -> None:
    sign_elsewhere(files, make_key(), NOW)
    before = contents(files)
    assert not is_ours(files)
    assert renew_when_due(files, 365, 30, NOW + 89 * DAY) is None
    with pytest.raises(OperatorError, match="left as it is"):
        renew_certificate(files, 365, NOW)
    assert contents(files) == before


@pytest.mark.parametrize(
    "lost", [["authority_key"], ["authority_certificate"], ["authority_key", "authority_certificate"]]
)
def test_without_the_whole_authority_nothing_is_renewed(files: CertificateFiles, lost: list[str]) -> None:
    for name in lost:
        getattr(files, name).unlink()
    assert not is_ours(files)
    assert renew_when_due(files, 365, 30, NOW + 364 * DAY) is None


def test_an_authority_without_constraints_is_kept_for_new_names(files: CertificateFiles) -> None:
    """As an administrator may bring one along."""
    authority = CertificateFiles.locate(files.directory, files.authority_key, files.authority_certificate)
    sign_elsewhere(authority, make_key(), NOW)
    files.key.unlink()
    files.certificate.unlink()
    assert not ensure_certificate(files, ["new.example"], 30, NOW).authority_made
    assert is_ours(files)


def test_of_several_processes_one_renews(files: CertificateFiles) -> None:
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: renew_when_due(files, 365, 30, NOW + 340 * DAY), range(4)))
    assert len([outcome for outcome in outcomes if outcome is not None]) == 1
    assert load_certificate(files.key, files.certificate).not_after == NOW + (340 + 365) * DAY


def test_an_authority_with_a_foreign_key_is_not_ours(files: CertificateFiles, tmp_path: Path) -> None:
    other = make(tmp_path / "other", NOW)
    files.authority_key.write_bytes(other.authority_key.read_bytes())
    assert not is_ours(files)


@pytest.mark.parametrize(("days_valid", "due"), [(365, 335), (10, 5)])
def test_renewal_is_due_thirty_days_before_the_end_or_at_half_a_short_life(
    tmp_path: Path, days_valid: int, due: int
) -> None:
    files = make(tmp_path / "certs", NOW, days_valid=days_valid)
    assert renew_when_due(files, days_valid, 30, NOW + (due - 0.1) * DAY) is None
    outcome = renew_when_due(files, days_valid, 30, NOW + (due + 0.1) * DAY)
    assert outcome is not None
    assert outcome.certificate_made
    assert renew_when_due(files, days_valid, 30, NOW + (due + 0.1) * DAY) is None


@pytest.mark.parametrize("days_valid", [0, 826])
def test_a_life_that_clients_refuse_is_a_fault(tmp_path: Path, days_valid: int) -> None:
    with pytest.raises(OperatorError, match="give 1 to 825"):
        ensure_certificate(locate(tmp_path / "certs"), NAMES, days_valid, NOW)


def test_one_file_for_both_is_a_fault(tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    with pytest.raises(OperatorError, match="give them different files"):
        ensure_certificate(CertificateFiles.locate(tmp_path, both, both), NAMES, 365, NOW)


def test_a_directory_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "certs").write_text("in the way")
    with pytest.raises(OperatorError, match="cannot write"):
        ensure_certificate(locate(tmp_path / "certs"), NAMES, 365, NOW)


def staged(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def prepare_swap(files: CertificateFiles, tmp_path: Path) -> CertificateFiles:
    """Lay a second pair beside the first, as a swap does before it decides."""
    other = make(tmp_path / "other", NOW)
    staged(files.key).write_bytes(other.key.read_bytes())
    staged(files.certificate).write_bytes(other.certificate.read_bytes())
    return other


def test_a_swap_cut_short_before_its_decision_changes_nothing(files: CertificateFiles, tmp_path: Path) -> None:
    before = contents(files)
    prepare_swap(files, tmp_path)
    with exclusive(files):
        assert contents(files) == before
    assert not list(files.directory.glob(".*"))


def test_a_swap_cut_short_between_key_and_certificate_is_completed(files: CertificateFiles, tmp_path: Path) -> None:
    other = prepare_swap(files, tmp_path)
    staged(files.key).replace(files.key)
    with exclusive(files):
        assert contents(files)[:2] == contents(other)[:2]
    assert not list(files.directory.glob(".*"))


def test_files_put_there_after_a_swap_was_cut_short_win(files: CertificateFiles, tmp_path: Path) -> None:
    prepare_swap(files, tmp_path)
    staged(files.key).unlink()
    copy_pair(make(tmp_path / "third", NOW), files)
    before = contents(files)
    with exclusive(files):
        assert contents(files) == before
    assert not list(files.directory.glob(".*"))


def test_files_are_never_seen_half_written(files: CertificateFiles) -> None:
    """Replaced by renaming: who opened the old file goes on reading the old file."""
    with files.certificate.open("rb") as reader, exclusive(files):
        before = files.certificate.read_bytes()
        replace_files(files, {files.key: b"k", files.certificate: b"c"})
        assert reader.read() == before
    assert contents(files)[:2] == [b"k", b"c"]


def test_a_link_to_elsewhere_is_not_written_through(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    directory.mkdir()
    target = tmp_path / "target"
    staged(directory / "key.pem").symlink_to(target)
    make(directory, NOW)
    assert not os.path.lexists(target)
