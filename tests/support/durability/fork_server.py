"""
A process that has everything imported, and forks one that works on a drive for each order it gets.

An order is a line of JSON (:class:`Order`). Lines of JSON tell what becomes of it: ``["pid", number]`` at once,
``["ready", 0]`` when the drive has been inspected and work begins, ``["status", number]`` at the end.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from pathlib import Path

import cattrs
from attrs import asdict, evolve, frozen
from twisted.internet import defer, task

import cloudsvc.server.drive  # noqa: F401 - imported here, once, it is there in every fork
from tests.support.durability.faults import COMMIT, Doom, DoomedDisk, DoomedThreads, Fault
from tests.support.durability.inspection import inspect
from tests.support.durability.workload import Diary, make_random, work
from tests.support.opened_drives import GENEROUS, open_drive, run_storage_threads

_PREPARED = "twisted.internet.reactor"


@frozen(kw_only=True)
class Order:
    """
    What a process is to do.

    :ivar directory: has the drive, and gets ``found`` (:class:`Found`) and ``diary``.
    :ivar fault: where it ends; without one it is killed from outside.
    :ivar deaf: a method of its disk that does nothing.
    :ivar traced: whether it waits for a tracer before it works.
    :ivar works: whether it does more than look.
    """

    directory: str
    seed: int
    fault: Fault | None = None
    deaf: str | None = None
    traced: bool = False
    works: bool = True


def main() -> None:
    """Do what is asked, one after the other."""
    gc.freeze()  # or the first collection in each fork would copy everything there is
    for line in sys.stdin:
        order = cattrs.structure(json.loads(line), Order)
        pid = os.fork()
        if pid == 0:
            _become(order)
        tell("pid", pid)
        _, status = os.waitpid(pid, 0)
        tell("status", os.waitstatus_to_exitcode(status))


def tell(*words: str | int) -> None:
    """Say one line at once."""
    os.write(1, json.dumps(words).encode() + b"\n")


def _become(order: Order) -> None:
    status = 70
    try:
        # A reactor cannot be shared with the parent.
        sys.modules.pop(_PREPARED, None)
        task.react(lambda _: defer.Deferred.fromCoroutine(_work(order)))
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001  # the test is told
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


async def _work(order: Order) -> None:
    directory = Path(order.directory)
    disk = DoomedDisk(directory / "removed", order.deaf)
    limits = evolve(GENEROUS, versions=2)
    with run_storage_threads() as threads:
        committing = DoomedThreads(threads.writer)
        async with open_drive(directory / "drive", limits, disk, evolve(threads, writer=committing)) as opened:
            found = await inspect(opened, directory / "drive")
            (directory / "finding").write_text(json.dumps(asdict(found)))
            (directory / "finding").rename(directory / "found")
            if not order.works:
                return
            diary = Diary.open(directory / "diary")
            if order.fault is not None:
                doom = Doom(order.fault, disk, make_random(order.seed))
                if order.fault.step == COMMIT:
                    doom.watch(opened, committing)
                else:
                    disk.doom = doom
            tell("ready", 0)
            if order.traced:
                _wait_for_tracer()
            await work(opened, diary, order.seed, found.tree)


def _wait_for_tracer() -> None:
    while "TracerPid:\t0\n" in Path("/proc/self/status").read_text():
        time.sleep(0.001)


if __name__ == "__main__":
    main()
