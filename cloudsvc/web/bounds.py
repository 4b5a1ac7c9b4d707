"""What a client may cost: how much it may send, what it may have open, and how long each thing may take."""

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

    line_bytes: int = 16_384
    total_bytes: int = 32_768
    fields: int = 100
    query_bytes: int = 14_336


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

    :ivar total: open connections in all.
    :ivar per_client: open connections of one client address (IPv6: one /64).
    :ivar header_seconds: from the first byte of a request to the end of its headers.
    :ivar idle_seconds: between two requests of a kept-alive connection.
    :ivar body_bytes_per_second: the slowest a body may arrive, judged over ``header_seconds``, and the slowest a client
        may take what waits for it, judged over ``stall_seconds``.
    :ivar stall_seconds: how long a client may take none of what waits for it.
    :ivar linger_seconds: how long a connection that is being closed may take to do so.
    """

    total: int = 10_000
    per_client: int = 256
    header_seconds: float = 10.0
    idle_seconds: float = 75.0
    body_bytes_per_second: int = 1024
    stall_seconds: float = 60.0
    linger_seconds: float = 2.0

    @cached_property
    def by_phase(self) -> tuple[float, ...]:
        """Seconds allowed for each phase of a connection, in the order of ``Phase``."""
        return (
            self.header_seconds,
            self.idle_seconds,
            self.header_seconds,
            self.header_seconds,
            inf,
            self.linger_seconds,
        )
