"""Ports for servers that are told theirs."""

from __future__ import annotations

import socket
from contextlib import suppress
from secrets import randbelow


def find_port() -> int:
    """A free port below those that Linux gives to whoever asks for any, as SeaweedFS does between its own parts."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", 10_000 + randbelow(20_000)))
            port: int = probe.getsockname()[1]
            return port
