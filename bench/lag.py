"""
Reactor lag while thumbnails are made, and beside programs that only calculate.

All of it happens on one core: the server, its decoders, and the programs that they are compared with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Final, TypeAlias

import click
from attrs import frozen

from bench.catalogue import Peer
from bench.peers.lateness import NAME, PATH
from bench.report import evaluate
from bench.run import divide_cores
from bench.server import MeasurementError, Server, run_server
from bench.thumbnails import ask_for_thumbnails, make_images, store_images

_AT_MOST: Final = 2.0
_SERVER: Final = Peer(name="lag", title="cloudsvc with its drive", module="cloudsvc_drive")
_APPLICATIONS: Final = "CLOUDSVC__APPLICATIONS"

_PER_SECOND: Final = 2
"""Images of each kind that are stored ahead for each second: more than can be made."""

_SETTLE_SECONDS: Final = 1.0
_CALCULATE: Final = "while True: pass"
_IDLY: Final = "import os; os.nice(19); os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))"


@frozen(kw_only=True)
class Lag:
    """
    Lateness of the reactor, in milliseconds.

    :ivar share: how much of the core the processes had that the server started and that have ended.
    """

    p50: float
    p999: float
    worst: float
    share: float


Round: TypeAlias = Mapping[str, Lag]

PHASES: Final[Mapping[str, str]] = {
    "quiet": "nothing",
    "thumbnails": "decoders of large and hostile images",
    "idle": "as many programs that calculate, scheduled as decoders are",
    "equal": "as many programs that calculate, scheduled as the server is",
}


def measure_lag(rounds: int, seconds: int, announce: Callable[[str], None]) -> list[Round]:
    """
    Each of :data:`PHASES` for ``seconds``, one after the other in one server, as often as ``rounds`` says.

    :raises MeasurementError: an answer was not what it should be.
    """
    core = divide_cores()
    images, number = make_images(), seconds * _PER_SECOND
    measured: list[Round] = []
    os.environ[_APPLICATIONS] = json.dumps(["drive", NAME])
    for each in range(1, rounds + 1):
        announce(f"round {each} of {rounds}")
        with run_server(_SERVER.command, core) as server:
            store_images(server, images, number)
            beside: dict[str, AbstractContextManager[None]] = {
                "quiet": nullcontext(),
                "thumbnails": ask_for_thumbnails(server, images, number),
                "idle": _run(f"{_IDLY}\n{_CALCULATE}", core),
                "equal": _run(_CALCULATE, core),
            }
            measured.append({name: _watch(server, beside[name], seconds) for name in PHASES})
    return measured


def format_lag(rounds: Sequence[Round]) -> str:
    """The table, and whether the target is reached."""
    lines = [f"{'lateness of the reactor beside':<64}{'p50 ms':>9}{'p99.9 ms':>9}{'worst ms':>9}"]
    for name, title in PHASES.items():
        p50, p999, worst = (median(getattr(each[name], field) for each in rounds) for field in ("p50", "p999", "worst"))
        lines.append(f"{title:<64}{p50:>9.2f}{p999:>9.2f}{worst:>9.2f}")
    share = median(each["thumbnails"].share for each in rounds)
    lines += ["", f"p99.9 beside decoders, which had {share:.0%} of the core, ÷ (at most {_AT_MOST})"]
    for name in ("idle", "equal"):
        ratio = median(each["thumbnails"].p999 / each[name].p999 for each in rounds)
        lines.append(f"{PHASES[name]:<64}{ratio:>9.2f}  {evaluate(_AT_MOST, _AT_MOST, -1, ratio)}")
    return "\n".join(lines)


@click.command
@click.option(
    "--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="How often the server is started."
)
@click.option("--seconds", type=click.IntRange(min=1), default=15, show_default=True, help="How long each load lasts.")
def lag(rounds: int, seconds: int) -> None:
    """Measure how late the reactor is while thumbnails are made."""
    click.echo(format_lag(measure_lag(rounds, seconds, lambda line: click.echo(line, err=True))))


def _watch(server: Server, beside: AbstractContextManager[None], seconds: int) -> Lag:
    with beside:
        time.sleep(_SETTLE_SECONDS)
        _read_samples(server)
        before = _count_child_seconds(server)
        time.sleep(seconds)
        samples = sorted(_read_samples(server))
        share = (_count_child_seconds(server) - before) / seconds
    return Lag(p50=median(samples), p999=samples[int(0.999 * len(samples))], worst=samples[-1], share=share)


def _read_samples(server: Server) -> list[float]:
    with closing(server.connect()) as connection:
        connection.request("GET", PATH)
        response = connection.getresponse()
        answer = json.loads(response.read())
    samples: list[float] = answer.get("samples", [])
    if not samples:
        raise MeasurementError(f"the lateness was answered {response.status} {answer}")
    return samples


def _count_child_seconds(server: Server) -> float:
    """CPU time of the processes that the server started and that have ended (proc_pid_stat(5))."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _run(program: str, core: int) -> Iterator[None]:
    """Run as many as there are decoders at the same time: one."""
    process = subprocess.Popen([sys.executable, "-c", program])  # noqa: S603 - a line of Python
    os.sched_setaffinity(process.pid, {core})
    try:
        yield
    finally:
        process.kill()
        process.wait()
