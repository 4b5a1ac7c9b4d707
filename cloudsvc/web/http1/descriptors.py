"""The transport at the bottom of a wrapped connection, which reads and writes the socket."""

from __future__ import annotations

from typing import Any

from twisted.protocols.policies import ProtocolWrapper

from cloudsvc.core.private_names import FileDescriptor


def find_descriptor(transport: Any) -> Any:
    """The transport of the socket below ``transport``. No interface of Twisted's has what is asked of it here."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport


def count_pending(transport: Any) -> int:
    """Bytes that the system has not taken yet."""
    descriptor: FileDescriptor = find_descriptor(transport)
    pending: int = len(descriptor.dataBuffer) - descriptor.offset + descriptor._tempDataLen
    return pending


def limit_reads(transport: Any, most: int) -> None:
    """Let one read of the socket bring at most ``most`` bytes from now on."""
    find_descriptor(transport).bufferSize = most
