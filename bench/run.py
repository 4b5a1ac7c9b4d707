"""One run: every server in turn, again and again, each time started anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from attrs import define, field, frozen

from bench.catalogue import Peer
from bench.load import Crowd, Throughput, measure_crowd, measure_throughput
from bench.server import MeasurementError, run_server


@frozen(kw_only=True)
class Plan:
    """
    How much to measure.

    :ivar rounds: how often each server is started for each kind of load.
    :ivar crowd: how many idle connections to open.
    """

    rounds: int
    seconds: int
    warm_up_seconds: int
    crowd: int


CORES = sorted(os.sched_getaffinity(0))
"""Those that this process may use before it leaves all but one to the servers."""

THOROUGH = Plan(rounds=5, seconds=3, warm_up_seconds=1, crowd=1000)
QUICK = Plan(rounds=1, seconds=1, warm_up_seconds=0, crowd=50)


@define
class Row:
    """
    A server and its measurements, one of each kind per round.

    :ivar skipped: why it was not to be measured.
    :ivar failure: why measuring it ended early.
    """

    peer: Peer
    throughput: list[Throughput] = field(factory=list)
    crowd: list[Crowd] = field(factory=list)
    skipped: str | None = None
    failure: str | None = None


def divide_cores() -> int:
    """Move this process, and with it every client, to the last core it may use; the first, which is for the servers."""
    os.sched_setaffinity(0, {CORES[-1]})
    return CORES[0]


def measure(peers: Iterable[Peer], plan: Plan, core: int, announce: Callable[[str], None]) -> list[Row]:
    """
    Measure every peer, interleaved, so that a slow minute of the host falls on all of them.

    :param core: on which the servers run.
    """
    rows = [Row(peer, skipped=peer.find_obstacle()) for peer in peers]
    for number in range(1, plan.rounds + 1):
        for row in rows:
            if row.skipped or row.failure:
                continue
            announce(f"round {number} of {plan.rounds}: {row.peer.title}")
            try:
                _measure_once(row, plan, core)
            except (MeasurementError, OSError) as error:
                row.failure = str(error)
                announce(f"FAILED {row.peer.title}: {error}")
    return rows


def _measure_once(row: Row, plan: Plan, core: int) -> None:
    with run_server(row.peer.command, core) as server:
        crowd = measure_crowd(server, plan.crowd)
        server.verify()
    with run_server(row.peer.command, core) as server:
        if plan.warm_up_seconds:
            measure_throughput(server, plan.warm_up_seconds)
        throughput = measure_throughput(server, plan.seconds)
        server.verify()
    row.crowd.append(crowd)
    row.throughput.append(throughput)
