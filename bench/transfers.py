"""One large file to a server and back, on one connection."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPResponse, HTTPSConnection
from typing import Final

from attrs import frozen

from bench.server import HEADERS, MeasurementError, Server

MIB: Final = 2**20
CIPHER: Final = "TLS_AES_256_GCM_SHA384"
"""What all of them agree on with this client. Another one would be another amount of work."""

_CREATED: Final = 201


@frozen(kw_only=True)
class Transfer:
    """
    How quick a file went.

    :ivar core_share: how much of its core the server had; otherwise it waited for the client, or for the disk.
    """

    mib_per_second: float
    cpu_seconds_per_gib: float
    core_share: float


@frozen(kw_only=True)
class Content:
    """
    So many MiB, of which no two are alike.

    :ivar mark: makes this content another one than any other.
    """

    mib: int
    mark: bytes

    @classmethod
    def make(cls, mib: int) -> Content:
        """Content that no server has seen yet."""
        return cls(mib=mib, mark=os.urandom(16))

    def __iter__(self) -> Iterator[bytes]:
        rest = _FILLING[len(self.mark) + 8 :]
        for number in range(self.mib):
            yield b"".join((self.mark, number.to_bytes(8), rest))

    def compute_digest(self) -> bytes:
        """Its SHA-256."""
        digest = hashlib.sha256()
        for piece in self:
            digest.update(piece)
        return digest.digest()


_FILLING: Final = os.urandom(MIB)


def upload(server: Server, path: str, content: Content) -> Transfer:
    """
    Send ``content`` by ``PUT``.

    :raises MeasurementError: it was not taken.
    """
    headers = {**HEADERS, "Content-Length": str(content.mib * MIB)}

    def send(connection: HTTPSConnection) -> None:
        connection.request("PUT", path, body=iter(content), headers=headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != _CREATED:
            raise MeasurementError(f"PUT was answered with {response.status} {body[:200]!r}")

    return _time(server, content.mib, send)


def download(server: Server, path: str, mib: int) -> Transfer:
    """
    Take a file of ``mib`` MiB.

    :raises MeasurementError: it was not sent, or not all of it.
    """

    def receive(connection: HTTPSConnection) -> None:
        received = sum(_read(_ask(connection, path)))
        if received != mib * MIB:
            raise MeasurementError(f"GET was answered with {received} of {mib * MIB} bytes")

    return _time(server, mib, receive)


def verify_download(server: Server, path: str, digest: bytes) -> None:
    """
    Take a file and see that it is the right one. What takes the time is not measured.

    :raises MeasurementError: it was not sent, or is another one.
    """
    with closing(server.connect()) as connection:
        if hashlib.file_digest(_ask(connection, path), "sha256").digest() != digest:
            raise MeasurementError("GET was answered with other bytes")


def _ask(connection: HTTPSConnection, path: str) -> HTTPResponse:
    connection.request("GET", path, headers=HEADERS)
    response = connection.getresponse()
    if response.status != 200:  # noqa: PLR2004 - everybody knows this one
        raise MeasurementError(f"GET was answered with {response.status} {response.read(200)!r}")
    return response


def _read(response: HTTPResponse) -> Iterator[int]:
    """The sizes of the pieces in which the answer is read, into the same memory again and again."""
    with memoryview(bytearray(MIB)) as buffer:
        while size := response.readinto(buffer):
            yield size


def _time(server: Server, mib: int, work: Callable[[HTTPSConnection], None]) -> Transfer:
    with closing(server.connect()) as connection:
        connection.connect()
        cipher = connection.sock.cipher()
        if cipher is None or cipher[0] != CIPHER:
            raise MeasurementError(f"encrypts with {cipher}, and others with {CIPHER}")
        cpu, clock = server.count_cpu_seconds(), time.perf_counter()
        work(connection)
        seconds = time.perf_counter() - clock
        used = server.count_cpu_seconds() - cpu
    return Transfer(mib_per_second=mib / seconds, cpu_seconds_per_gib=used / mib * 1024, core_share=used / seconds)
