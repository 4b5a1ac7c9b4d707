"""Connection bounds: what a client may send and have open, and how long each thing may take."""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property
from math import inf

from attrs import frozen


@frozen(kw_only=True)
class HeadBounds:
    """
    The largest request head that is read.

    :ivar line_bytes: of the request line and of each header line.
    :ivar total_bytes: of the request line and all header lines together.
    :ivar fields: header lines.
    :ivar query_bytes: of the query component.
    """

    line_bytes: int
    total_bytes: int
    fields: int
    query_bytes: int


class Phase(IntEnum):
    """What a connection is doing, which decides its deadline."""

    CONNECTED = 0
    """Nothing has arrived yet: the TLS handshake falls into this phase."""
    IDLE = 1
    HEADERS = 2
    BODY = 3
    HANDLING = 4
    CLOSING = 5


@frozen(kw_only=True)
class ConnectionBounds:
    """
    What one server and one client may have open, and for how long.

    :ivar total: open connections in all, of all workers.
    :ivar of_process: open connections of this process, whose files have a limit.
    :ivar per_client: open connections of one client address (IPv6: one /64).
    :ivar header_seconds: from the first byte of a request to the end of its headers.
    :ivar idle_seconds: between two requests of a kept-alive connection.
    :ivar body_bytes_per_second: the slowest a body may arrive, evaluated over ``header_seconds``, and the slowest a
        client may take what waits for it, evaluated over ``stall_seconds``.
    :ivar stall_seconds: how long a client may take none of what waits for it.
    :ivar closing_seconds: how long a connection without a request may take to be closed.
    :ivar linger_seconds: how long what a client still sends after its last answer is taken and dropped.
    :ivar silence_seconds: how long it may send nothing meanwhile.
    """

    total: int
    of_process: int
    per_client: int
    header_seconds: float
    idle_seconds: float
    body_bytes_per_second: int
    stall_seconds: float
    closing_seconds: float = 2.0
    linger_seconds: float = 30.0
    silence_seconds: float = 5.0

    @cached_property
    def by_phase(self) -> tuple[float, ...]:
        """Seconds allowed for each phase of a connection, in the order of ``Phase``."""
        return (
            self.header_seconds,
            self.idle_seconds,
            self.header_seconds,
            self.header_seconds,
            inf,
            self.closing_seconds,
        )
