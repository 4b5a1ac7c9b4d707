"""Kill what works on a drive for hours, until something is lost."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import time
import traceback
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.durability.kills import ForkServer, Victim, endure_all, plan_kills, run_fork_server

SERIES = 100
"""Kills of one drive."""


def main() -> int:
    """The exit status: 1 as soon as something is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, help="that of the first drive, to have it again")
    options = parser.parse_args()
    try:
        _torture(options.seconds, options.seed)
    except KeyboardInterrupt:
        return 0
    except AssertionError:
        traceback.print_exc()
        return 1
    return 0


def _torture(seconds: float, first: int | None) -> None:
    end = time.monotonic() + seconds
    kills = acknowledged = 0
    with TemporaryDirectory(ignore_cleanup_errors=True) as directory, run_fork_server() as server:
        for number, seed in enumerate(_draw_seeds(first)):
            victim = _endure(Path(directory, str(number)), server, seed)
            kills += victim.kills
            acknowledged += victim.expectation.acknowledged
            print(f"{kills} kills, {acknowledged} acknowledged, 0 failures", flush=True)  # noqa: T201 - progress
            if time.monotonic() > end:
                return


def _endure(directory: Path, server: ForkServer, seed: int) -> Victim:
    directory.mkdir()
    victim = endure_all(directory, server, seed, plan_kills(seed, SERIES))
    shutil.rmtree(directory)
    return victim


def _draw_seeds(first: int | None) -> Iterator[int]:
    endless = (secrets.randbits(32) for _ in repeat(None))
    return endless if first is None else chain([first], endless)


if __name__ == "__main__":
    sys.exit(main())
