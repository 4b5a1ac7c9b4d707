"""Ports for servers that are told theirs."""

from __future__ import annotations

import socket
from contextlib import suppress
from secrets import randbelow
from typing import Final

_GIVEN: Final[set[int]] = set()
"""Ports that were found: a server that starts listens on its own only after a while."""


def find_port() -> int:
    """A free port below those that Linux gives to whoever asks for any, as SeaweedFS does between its own parts."""
    while True:
        port = 10_000 + randbelow(20_000)
        if port in _GIVEN:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _GIVEN.add(port)
            return port
