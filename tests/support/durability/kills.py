"""Kill what works on a drive, again and again, and see each time what is found after it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import cattrs
from attrs import define, field, frozen

from tests.support.durability.expectation import Expectation
from tests.support.durability.faults import STEPS, Fault, Moment
from tests.support.durability.fork_server import Order
from tests.support.durability.inspection import Found
from tests.support.durability.workload import make_random
from tests.support.server import PATIENCE, environment

_LONGEST = 0.08
"""Seconds of work before a kill from outside, at most."""


@frozen(kw_only=True)
class Kill:
    """
    One of many.

    :ivar fault: where it happens; without one it comes from outside, so many seconds after work has begun or, where it
        does not wait for that, after the process was made.
    :ivar call: system calls at which strace kills it; a thread that has made ``number`` of them makes the next no more.
    :ivar deaf: a method of the disk that does nothing.
    """

    seed: int
    fault: Fault | None = None
    waits: bool = True
    seconds: float = 0.0
    call: str | None = None
    number: int = 0
    deaf: str | None = None


def plan_kills(seed: int, number: int) -> Sequence[Kill]:
    """Two thirds at every step of a commit, before, in and after it, with and without power; a third at any moment."""
    random = make_random(seed)
    faults = [
        Fault(step=step, moment=moment, number=random.choice([1, 1, 2, 3, 5, 8]), power=power)
        for step in STEPS
        for moment in Moment
        for power in (False, True)
        if moment is not Moment.HALF or step == "write"
    ]
    random.shuffle(faults)
    endless = cycle(faults)
    return [
        Kill(seed=random.getrandbits(32), fault=next(endless))
        if each % 3
        else Kill(seed=random.getrandbits(32), waits=random.random() < 0.8, seconds=random.random() ** 2 * _LONGEST)
        for each in range(number)
    ]


@define
class ForkServer:
    """Makes processes that work on a drive."""

    _process: subprocess.Popen[bytes]
    _unread: bytes = b""

    def order(self, order: Order) -> int:
        """The id of the process that does it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(cattrs.unstructure(order)).encode() + b"\n")
        return self.hear("pid")

    def hear(self, kind: str) -> int:
        """What the next line of this kind says."""
        while True:
            heard, *words = json.loads(self._read_line())
            if heard == kind:
                return int(words[0])
            assert heard == "ready", f"{heard} {words} instead of {kind}"

    def _read_line(self) -> bytes:
        assert self._process.stdout is not None
        while b"\n" not in self._unread:
            assert select.select([self._process.stdout], [], [], PATIENCE)[0], "nothing happens"
            piece = os.read(self._process.stdout.fileno(), 65536)
            assert piece, "the fork server has ended"
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line


@contextmanager
def run_fork_server() -> Iterator[ForkServer]:
    """One that ends with the context, and whoever works for it."""
    command = [sys.executable, "-m", "tests.support.durability.fork_server"]
    # What is killed tells nothing about coverage, and is quicker without.
    environ = {name: value for name, value in environment().items() if name != "COVERAGE_PROCESS_CONFIG"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, bufsize=0, start_new_session=True
    ) as process:
        try:
            yield ForkServer(process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@define
class Victim:
    """A drive on which one process after the other works and is killed."""

    _directory: Path
    _server: ForkServer
    expectation: Expectation = field(factory=Expectation)
    kills: int = 0

    def endure(self, kill: Kill) -> None:
        """Let it happen, and see that what was found before it agrees with all that had happened until then."""
        order = Order(
            directory=str(self._directory),
            seed=kill.seed,
            fault=kill.fault,
            deaf=kill.deaf,
            traced=kill.call is not None,
        )
        pid = self._server.order(order)
        if kill.call is not None:
            self._server.hear("ready")
            _trace(pid, kill.call, kill.number)
        elif kill.fault is None:
            if kill.waits:
                self._server.hear("ready")
            time.sleep(kill.seconds)
            os.kill(pid, signal.SIGKILL)
        self._end(-signal.SIGKILL)
        self.kills += 1

    def rest(self) -> None:
        """See what is found after the last kill."""
        self._server.order(Order(directory=str(self._directory), seed=0, works=False))
        self._end(0)

    def _end(self, expected: int) -> None:
        status = self._server.hear("status")
        assert status == expected, f"it ended with {status}"
        found, diary = self._directory / "found", self._directory / "diary"
        if found.exists():
            self.expectation.check(cattrs.structure(json.loads(found.read_text()), Found))
            found.unlink()
        if diary.exists():
            self.expectation.read(diary.read_text())
            diary.unlink()


def _trace(pid: int, call: str, number: int) -> None:
    """Let strace kill a process that waits for it."""
    command = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"inject={call}:signal=KILL:when={number + 1}"]
    # It ends with what it traces.
    done = subprocess.run([*command, "-p", str(pid)], check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert "attach" not in done.stderr, done.stderr


def endure_all(directory: Path, server: ForkServer, seed: int, kills: Sequence[Kill]) -> Victim:
    """A new drive in ``directory`` after all ``kills``; what is wrong tells how to have it again."""
    victim = Victim(directory, server)
    try:
        for kill in kills:
            victim.endure(kill)
        victim.rest()
    except AssertionError as problem:
        reached = kills[min(victim.kills, len(kills) - 1)]
        problem.add_note(
            f"Found after kill {victim.kills} of those that come of the seed {seed}, before or in {reached}."
        )
        raise
    return victim
