"""
Backup format: a tar archive (POSIX.1-2001, pax) with nothing compressed in it.

Its members come in this order:

- ``backup.json``: the format's name and version, and when the backup was made;
- ``catalogue.sqlite3``: the catalogue as it was at that moment;
- ``blobs/ID``: the bytes of each blob that the catalogue refers to;
- ``accounts.sqlite3``: the users, groups and keys, if there have ever been any;
- ``manifest.jsonl``: a line for each member before, with its name, size and SHA-256, and at last a line with the number
  of members and the SHA-256 of the lines before.

What is cut off has no manifest; what is altered does not fit it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from typing import IO, Final, Protocol

from attrs import define, field, frozen

from cloudsvc.drive.nodes import BlobId

HEAD_NAME: Final = "backup.json"
CATALOGUE_NAME: Final = "catalogue.sqlite3"
ACCOUNTS_NAME: Final = "accounts.sqlite3"
MANIFEST_NAME: Final = "manifest.jsonl"

_FORMAT: Final = {"format": "cloudsvc backup", "version": 1}
_BLOB: Final = re.compile(r"blobs/([0-9a-f]{32})")
_PIECE: Final = 1024 * 1024
_MODE: Final = 0o600
_LINE: Final = 512
"""Bytes that a line of head or manifest has at most."""


class BadArchive(Exception):  # noqa: N818  # a state of affairs that callers put into words
    """It is no backup, or it is not whole."""


@frozen(kw_only=True)
class Member:
    """
    One file of the archive.

    :ivar size: in bytes.
    :ivar digest: SHA-256.
    """

    name: str
    size: int
    digest: bytes

    @property
    def line(self) -> str:
        """Its line in the manifest."""
        return json.dumps({"name": self.name, "size": self.size, "sha256": self.digest.hex()}) + "\n"


def name_blob(blob: BlobId) -> str:
    """The name of the member with the bytes of ``blob``."""
    return f"blobs/{blob}"


def identify_blob(name: str) -> BlobId | None:
    """Which blob the member called ``name`` is, if it is one."""
    match = _BLOB.fullmatch(name)
    return BlobId(match[1]) if match else None


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@define
class _HashingReader:
    """Computes the digest of what is read through it."""

    _stream: _Readable
    size: int = 0
    _hash: hashlib._Hash = field(factory=hashlib.sha256)

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._stream.read(size)
        except tarfile.ReadError:
            raise BadArchive("it was cut off") from None
        except OSError as problem:
            raise BadArchive(f"it cannot be read: {problem.strerror}") from None
        self.size += len(data)
        self._hash.update(data)
        return data

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


@define
class _Outlet:
    """Writes all of what it is given, and knows how much that was, also into a pipe."""

    _stream: IO[bytes]
    _written: int = 0

    def write(self, data: bytes, /) -> int:
        with memoryview(data) as view:
            written = 0
            while written < len(view):
                written += self._stream.write(view[written:])
        self._written += written
        return written

    def tell(self) -> int:
        return self._written


class ArchiveWriter:
    """
    Writes a backup, member by member: :meth:`begin`, :meth:`write` any number of times, :meth:`complete`, and after the
    last one :meth:`end`. Every method blocks.

    :param stream: where to, from its beginning on; it is never gone back in. Whoever opened it closes it.
    :param made_at: as text.
    """

    def __init__(self, stream: IO[bytes], made_at: str) -> None:
        self._outlet = _Outlet(stream)
        self._members: list[Member] = []
        self._name = ""
        self._size = self._written = 0
        self._hash = hashlib.sha256()
        head = json.dumps({**_FORMAT, "made_at": made_at}).encode() + b"\n"
        self.add(HEAD_NAME, io.BytesIO(head), len(head))

    def begin(self, name: str, size: int) -> None:
        """
        Begin a member of ``size`` bytes.

        :raises OSError: the archive cannot be written.
        """
        information = tarfile.TarInfo(name)
        information.size, information.mode = size, _MODE
        self._outlet.write(information.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        self._name, self._size, self._written, self._hash = name, size, 0, hashlib.sha256()

    def write(self, data: bytes) -> None:
        """
        More of its bytes.

        :raises OSError: the archive cannot be written.
        """
        self._outlet.write(data)
        self._written += len(data)
        self._hash.update(data)

    def complete(self) -> Member:
        """
        End the member.

        :raises BadArchive: it does not have the bytes that were announced. The archive is worth nothing then.
        :raises OSError: the archive cannot be written.
        """
        if self._written != self._size:
            raise BadArchive(f"{self._name} has {self._written} bytes instead of {self._size}")
        self._outlet.write(bytes(-self._size % tarfile.BLOCKSIZE))
        member = Member(name=self._name, size=self._size, digest=self._hash.digest())
        self._members.append(member)
        return member

    def add(self, name: str, content: _Readable, size: int) -> Member:
        """
        Write a whole member.

        :raises BadArchive: ``content`` cannot be read, or does not have ``size`` bytes. The archive is worth nothing
            then.
        :raises OSError: the archive cannot be written.
        """
        self.begin(name, size)
        reader = _HashingReader(content)
        while piece := reader.read(_PIECE):
            self.write(piece)
        return self.complete()

    def end(self) -> None:
        """Write the manifest and the archive's own end."""
        lines = "".join(member.line for member in self._members).encode()
        last = {"members": len(self._members), "sha256": hashlib.sha256(lines).hexdigest()}
        content = lines + json.dumps(last).encode() + b"\n"
        self.add(MANIFEST_NAME, io.BytesIO(content), len(content))
        # Two empty blocks, in a record that is full (pax, "ustar Interchange Format").
        self._outlet.write(bytes(2 * tarfile.BLOCKSIZE))
        self._outlet.write(bytes(-self._outlet.tell() % tarfile.RECORDSIZE))


def read_archive(stream: IO[bytes]) -> Iterator[tuple[str, int, IO[bytes]]]:
    """
    The members between head and manifest, in order: name, size, content. Each is to be read before the next is asked
    for. Blocks.

    :raises BadArchive: it is no backup, it has other members than a backup has, or one of them was altered. That all
        was well is known when the iterator has ended, and not before.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            yield from _read_members(tar)
    except (tarfile.TarError, EOFError, ValueError, RecursionError) as problem:
        # The last two are what heads come to that make no sense.
        raise BadArchive(f"it is no tar archive, or not all of it: {problem}") from None


def _read_members(tar: tarfile.TarFile) -> Iterator[tuple[str, int, IO[bytes]]]:
    members: list[Member] = []
    names: set[str] = set()
    while (information := tar.next()) is not None:
        name, size = information.name, information.size
        _check_place(information, len(members))
        if name in names:
            raise BadArchive(f"it has {name!r} twice")
        names.add(name)
        content = tar.extractfile(information)
        if content is None:
            raise BadArchive(f"{name!r} is no file")
        reader = _HashingReader(content)
        if name == MANIFEST_NAME:
            _check_manifest(reader.read(), members)
            return
        if name == HEAD_NAME:
            _check_head(reader.read())
        else:
            yield name, size, reader  # type: ignore[misc]  # it is read from, nothing else
        if reader.size != size:
            raise BadArchive(f"{name!r} has {reader.size} bytes instead of {size}")
        members.append(Member(name=name, size=size, digest=reader.digest))
        tar.members.clear()  # type: ignore[attr-defined]  # typeshed leaves it out
    raise BadArchive("it has no end: it was cut off, or is not complete yet")


def _check_place(information: tarfile.TarInfo, place: int) -> None:
    name = information.name
    if place == 0 and name != HEAD_NAME:
        raise BadArchive(f"it does not begin with {HEAD_NAME!r}")
    if place == 1 and name != CATALOGUE_NAME:
        raise BadArchive("it has no catalogue")
    most = {HEAD_NAME: _LINE, MANIFEST_NAME: _LINE * (place + 1)}.get(name, sys.maxsize)
    known = name in {HEAD_NAME, CATALOGUE_NAME, ACCOUNTS_NAME, MANIFEST_NAME} or identify_blob(name) is not None
    # One with holes would be larger than the archive, without end.
    plain = information.type == tarfile.REGTYPE and not information.issparse()
    if not known or not plain or information.size > most:
        raise BadArchive(f"{name!r} has no place in a backup")


def _check_head(content: bytes) -> None:
    try:
        head = json.loads(content)
        if head["format"] != _FORMAT["format"]:
            raise BadArchive("it is some other archive")
        if head["version"] != _FORMAT["version"]:
            raise BadArchive("a newer program has written it; restore it with that program")
    except (ValueError, TypeError, KeyError):
        raise BadArchive(f"{HEAD_NAME!r} is damaged") from None


def _check_manifest(content: bytes, members: list[Member]) -> None:
    *lines, last = content.decode(errors="replace").splitlines(keepends=True) or [""]
    try:
        end = json.loads(last)
        whole = end == {"members": len(lines), "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}
    except ValueError:
        whole = False
    if not whole or len(lines) != len(members):
        raise BadArchive("its manifest is damaged")
    for line, member in zip(lines, members, strict=True):
        if line != member.line:
            raise BadArchive(f"{member.name!r} is damaged")
