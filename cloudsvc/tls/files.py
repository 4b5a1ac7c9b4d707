"""Certificate files: where they are, and how they are replaced together without a gap."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from cloudsvc.core.durable_files import publish, write_new
from cloudsvc.core.errors import OperatorError
from cloudsvc.tls.pem import matches, read_certificates, read_key

_OWNER_ONLY = 0o600
_READABLE = 0o644


@frozen(kw_only=True)
class CertificateFiles:
    """
    Where a certificate lives.

    :ivar directory: holds the private certificate authority; made with mode 0700 when missing.
    :ivar key: private key of the leaf, mode 0600.
    :ivar certificate: the leaf, then the certificates that lead to its authority.
    :ivar authority_key: private key of the private certificate authority, mode 0600. Moving it away stops renewal.
    :ivar authority_certificate: certificate of the private certificate authority, for clients to trust.
    """

    directory: Path
    key: Path
    certificate: Path
    authority_key: Path
    authority_certificate: Path

    @classmethod
    def locate(cls, directory: Path, key: Path, certificate: Path) -> CertificateFiles:
        """The given files, with the private certificate authority as ``ca.key.pem`` and ``ca.pem`` in ``directory``."""
        return cls(
            directory=directory,
            key=key,
            certificate=certificate,
            authority_key=directory / "ca.key.pem",
            authority_certificate=directory / "ca.pem",
        )


@contextlib.contextmanager
def exclusive(files: CertificateFiles) -> Iterator[None]:
    """
    Keep other processes from changing ``files`` meanwhile; first completes a replacement that was cut short.

    :raises OperatorError: for whatever the file system refuses inside.
    """
    try:
        files.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened(files.directory) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _complete(files)
            yield
    except OSError as error:
        raise OperatorError(
            [f"cannot write {error.filename or files.directory}: {error.strerror}: let the server's user write there"]
        ) from None


def replace_files(files: CertificateFiles, contents: Mapping[Path, bytes]) -> None:
    """
    Replace key and certificate, and the authority where given, under :func:`exclusive`.

    All of them lie durably beside their targets before the first is renamed, and renaming the key is the decision:
    a crash before it changes nothing, a crash after it is completed by the next :func:`exclusive`. A reader in
    between finds a pair that does not match, and tries again.
    """
    # The key is staged first, so that its staged copy stands for "not decided" from the beginning.
    paths = [path for path in _in_order(files) if path in contents]
    for path in paths:
        _stage(path, contents[path], _OWNER_ONLY if path in {files.key, files.authority_key} else _READABLE)
    for path in paths:
        _publish(path)


def _in_order(files: CertificateFiles) -> tuple[Path, ...]:
    return (files.key, files.certificate, files.authority_key, files.authority_certificate)


def _complete(files: CertificateFiles) -> None:
    staged = [path for path in _in_order(files) if os.path.lexists(_staged(path))]
    decided = files.key not in staged and (files.certificate not in staged or _belongs(files))
    for path in staged:
        if decided:
            _publish(path)
        else:
            _staged(path).unlink()


def _belongs(files: CertificateFiles) -> bool:
    # Someone may have put files of their own there since the crash: theirs win.
    try:
        return matches(read_key(files.key), read_certificates(_staged(files.certificate))[0])
    except OperatorError:
        return False


def _staged(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _stage(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_new(_staged(path), content, mode=mode, beside=path)


def _publish(path: Path) -> None:
    publish(_staged(path), path)


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
