"""What lies below all that is wrapped around a connection: the transport that reads and writes the socket."""

from __future__ import annotations

from typing import Any

from twisted.protocols.policies import ProtocolWrapper


def find_descriptor(transport: Any) -> Any:
    """The transport of the socket below ``transport``. No interface of Twisted's has what is asked of it here."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport


def count_pending(transport: Any) -> int:
    """Bytes that the system has not taken yet."""
    descriptor = find_descriptor(transport)
    pending: int = len(descriptor.dataBuffer) - descriptor.offset + descriptor._tempDataLen
    return pending


def limit_reads(transport: Any, most: int) -> None:
    """Let one read of the socket bring at most ``most`` bytes from now on."""
    find_descriptor(transport).bufferSize = most
