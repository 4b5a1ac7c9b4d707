"""Memory growth of a server by something that is done to it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from bench.server import Server


@frozen(kw_only=True)
class Growth:
    """Between what was in RAM before and the most that was in RAM until the end."""

    mib: float


def measure_growth(server: Server, work: Callable[[], object]) -> Growth:
    """The growth by ``work``."""
    server.forget_peak()
    before = server.count_resident_bytes()
    work()
    return Growth(mib=(server.count_peak_bytes() - before) / 2**20)
