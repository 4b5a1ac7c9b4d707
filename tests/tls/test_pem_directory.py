"""Directories of PEM files that Twisted's ``tls:DIR`` would hang at are refused before."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor

from cloudsvc.core.endpoints import check_description
from cloudsvc.core.errors import OperatorError
from cloudsvc.listen.endpoints import listen
from cloudsvc.tls.pem_directory import check_pem_directory
from tests.support.tls.certificates import locate, make, make_key, sign_elsewhere


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Key, leaf and authority in one file, as our certificate makes them."""
    files = make(tmp_path / "certs", time.time())
    directory = tmp_path / "d:e"
    directory.mkdir()
    (directory / "localhost.pem").write_bytes(files.key.read_bytes() + files.certificate.read_bytes())
    return directory


def quote(directory: Path) -> str:
    return str(directory).replace(":", r"\:")


@pytest.mark.parametrize(
    "description", ["tls:{}", "tls:{}:port=1", "tls:path={}:port=1", "tls:port=1:path={}", "haproxy:tls:{}"]
)
def test_an_authority_that_signed_itself_is_refused(directory: Path, description: str) -> None:
    with pytest.raises(ValueError, match=r"localhost\.pem holds an authority that has signed itself.* leave that"):
        check_pem_directory(description.format(quote(directory)))


def test_neither_the_configuration_nor_the_start_reads_it_with_twisted(directory: Path) -> None:
    description = f"tls:{quote(directory)}:port=0:interface=127.0.0.1"
    check_description(description)
    with pytest.raises(OperatorError, match="has signed itself"):
        listen(MemoryReactor(), [description], Factory(), None)


def test_the_leaf_alone_is_fine(directory: Path) -> None:
    pem = directory / "localhost.pem"
    pem.write_text(pem.read_text().rpartition("-----BEGIN CERTIFICATE")[0])
    check_pem_directory(f"tls:{quote(directory)}")


def test_a_leaf_that_signed_itself_is_fine(tmp_path: Path) -> None:
    files = locate(tmp_path / "certs")
    sign_elsewhere(files, make_key(), time.time())
    check_pem_directory(f"tls:{tmp_path}")


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    files = locate(tmp_path / "certs")
    sign_elsewhere(files, make_key(), time.time(), passphrase=b"secret")
    with pytest.raises(ValueError, match=r"key\.pem is encrypted"):
        check_pem_directory(f"tls:{tmp_path}")


@pytest.mark.parametrize("description", ["tcp:80", "cloudsvc:tcp:443", "unix:/tls:/x"])
def test_anything_else_is_left_to_whoever_knows(description: str) -> None:
    check_pem_directory(description)


@pytest.mark.parametrize("files", [None, [], ["key.pem"], ["cert.pem"]], ids=["missing", "empty", "key", "certificate"])
def test_a_directory_that_lets_nobody_in_is_refused(tmp_path: Path, files: list[str] | None) -> None:
    made = make(tmp_path / "certs", time.time())
    directory = tmp_path / "served"
    if files is not None:
        directory.mkdir()
        for name in files:
            (directory / name).write_bytes((made.key.parent / name).read_bytes())
    with pytest.raises(ValueError, match="served has no certificate with its private key"):
        check_pem_directory(f"tls:{directory}:port=0")
