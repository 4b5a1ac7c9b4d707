"""Whoever works on a drive is killed, anywhere: what was acknowledged is there, and nothing else."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.durability.faults import COMMIT, Fault, Moment
from tests.support.durability.kills import ForkServer, Kill, endure_all, plan_kills, run_fork_server
from tests.support.durability.workload import make_random
from tests.support.required_tools import require_tool

SERIES = 4
KILLS = 50

CALLS = (
    "?rename,?renameat,?renameat2",
    "?mkdir,?mkdirat",
    "?unlink,?unlinkat",
    "openat",
    "write",
    "fsync",
    "pwrite64",
    "fdatasync",
)
"""Those in which something comes, goes or becomes durable; the last two are SQLite's."""


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with run_fork_server() as server:
        yield server


@pytest.mark.parametrize("series", range(SERIES))
def test_every_kill_leaves_what_was_acknowledged_and_nothing_else(
    tmp_path: Path, server: ForkServer, series: int
) -> None:
    seed = secrets.randbits(32)
    victim = endure_all(tmp_path, server, seed, plan_kills(seed, KILLS))
    assert victim.kills == KILLS, series
    assert victim.expectation.acknowledged > KILLS


def test_the_same_inside_of_system_calls(tmp_path: Path, server: ForkServer) -> None:
    require_tool("strace", "strace")
    seed = secrets.randbits(32)
    random = make_random(seed)
    kills = [
        Kill(seed=random.getrandbits(32), call=call, number=random.randrange(most))
        for call in CALLS
        for most in (2, 12)
    ]
    victim = endure_all(tmp_path, server, seed, kills)
    assert victim.expectation.acknowledged > 0


@pytest.mark.parametrize("step", ["sync", "sync_folder"])
def test_a_drive_that_leaves_out_a_step_is_found_out(tmp_path: Path, server: ForkServer, step: str) -> None:
    fault = Fault(step=COMMIT, moment=Moment.AFTER, number=8, power=True)
    kills = [Kill(seed=seed, fault=fault, deaf=step) for seed in range(KILLS)]
    # Of a file that was acknowledged, or of a blob that was suspended.
    with pytest.raises(AssertionError, match=r"and they are not the same|bytes of \w+ were durable"):
        endure_all(tmp_path, server, 0, kills)
