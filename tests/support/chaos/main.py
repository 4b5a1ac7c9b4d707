"""Run a cluster with faults in all of its parts for an hour, or shorter, and tell whether something was lost."""

from __future__ import annotations

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Collection
from pathlib import Path
from types import FrameType

import pytest

from tests.support.chaos.controls import CONTROLS
from tests.support.chaos.faults import FAULTS
from tests.support.chaos.run import Lost, Run, running
from tests.support.chaos.small_disks import keep_mounts_private


def main() -> int:
    """The exit status: 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="for which faults happen")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="chooses what happens, to have it again")
    names = [each.__name__ for each in (*FAULTS, *CONTROLS)]
    parser.add_argument(
        "--fault", choices=names, action="append", default=[], help="one that happens; all by default, but for controls"
    )
    options = parser.parse_args()
    # The system sends the second to all of a group that has lost its shell while something in it is frozen.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    small_disks = keep_mounts_private()
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"seed {options.seed}", flush=True)  # noqa: T201 - whoever wants it again needs it
    try:
        with running(directory, options.seed, small_disks=small_disks) as run:
            print(_work(run, options.seconds, options.fault), flush=True)  # noqa: T201 - the result
    except KeyboardInterrupt:
        shutil.rmtree(directory, ignore_errors=True)
        return 130
    except pytest.skip.Exception as missing:
        print(missing, file=sys.stderr)  # noqa: T201 - the reason
        shutil.rmtree(directory, ignore_errors=True)
        return 1
    except Exception as problem:  # noqa: BLE001  # whatever it was, it is told
        if not isinstance(problem, Lost):
            traceback.print_exc()
        print(f"{problem}\nseed {options.seed}; history and logs are in {directory}", file=sys.stderr)  # noqa: T201 - as above
        return 1
    shutil.rmtree(directory)
    return 0


def _work(run: Run, seconds: float, faults: Collection[str]) -> str:
    try:
        return run.work(seconds, faults)
    except Exception:
        # Those of the database servers go with them.
        for number, file in enumerate(run.cluster.list_logs()):
            shutil.copyfile(file, run.cluster.directory / f"log-{number}-{file.name}")
        raise


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
