"""Bytes that a server takes from a client whose upload it refuses."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from bench.peers.setup import HOST
from bench.server import MeasurementError, Server, ask

_ANNOUNCED: Final = 2**30
_PIECE: Final = b"x" * 16384
_AROUND: Final = 22
"""Bytes that TLS puts around each piece of that size (RFC 8446 section 5.2)."""

_SECONDS: Final = 5.0

_ACKED: Final = struct.Struct("=120xQ")
"""Where ``struct tcp_info`` (linux/tcp.h) has the bytes that the other side's system has taken."""

_ESTABLISHED: Final = "01"
"""TCP's name in that file for a connection of which neither side has ended (include/net/tcp_states.h)."""


@frozen(kw_only=True)
class Taken:
    """Bytes of the body that the server read before it answered, and so had to decrypt. It drops what comes after."""

    bytes: float


def measure_refusal(server: Server, path: str, *, expect: bool) -> Taken:
    """
    Announce a GiB without a key, and send of it whatever is taken until the server has ended its side.

    :param expect: whether to wait for ``100 Continue`` before sending anything (RFC 9110 section 10.1.1).
    :raises MeasurementError: it was not refused.
    """
    head = f"PUT {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {_ANNOUNCED}\r\n"
    head += "Expect: 100-continue\r\n\r\n" if expect else "\r\n"
    with closing(server.connect()) as client:
        ask(client)  # so that the handshake is over and does not count
        connection = client.sock
        before = (_count_taken(connection, server) or 0) + len(head) + _AROUND
        connection.sendall(head.encode())
        connection.setblocking(False)  # noqa: FBT003 - the socket's own signature
        taken = _burden(connection, server, b"" if expect else _PIECE) - before
        return Taken(bytes=max(0, taken) * len(_PIECE) / (len(_PIECE) + _AROUND))


def _burden(connection: ssl.SSLSocket, server: Server, piece: bytes) -> int:
    """The most that the server was seen to have taken while ``piece`` was sent to it again and again."""
    most, answer, end = 0, b"", time.monotonic() + _SECONDS
    try:
        while time.monotonic() < end and (taken := _count_taken(connection, server)) is not None:
            most = max(most, taken)
            with suppress(ssl.SSLWantWriteError):
                if piece:
                    connection.send(piece)
            with suppress(ssl.SSLWantReadError):
                answer += connection.recv(4096)
    except OSError:
        pass  # The server has closed the connection, with something unread in it.
    connection.settimeout(_SECONDS)
    with suppress(OSError):
        answer += connection.recv(4096)
    if not answer.startswith(b"HTTP/1.1 401 "):
        raise MeasurementError(f"an upload without a key was answered with {answer[:200]!r}")
    return most


def _count_taken(connection: socket.socket, server: Server) -> int | None:
    """What the server's system has acknowledged, less what lies there unread; ``None`` once it has said its last."""
    # In this order: what arrives in between is counted as unread, and not as taken.
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED.size)
    unread = _count_unread(server.setup.port, connection.getsockname()[1])
    return None if unread is None else max(0, _ACKED.unpack(info)[0] - unread)


def _count_unread(port: int, client: int) -> int | None:
    """Bytes that wait in the server's socket, as long as its side is open (proc_pid_net(5))."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues, *_ = line.split()
        if state == _ESTABLISHED and local.endswith(f":{port:04X}") and remote.endswith(f":{client:04X}"):
            return int(queues.partition(":")[2], 16)
    return None
