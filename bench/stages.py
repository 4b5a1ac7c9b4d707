"""A run in stages: each starts the servers that it needs, and gives one sample of everything in each round."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from attrs import define, field, frozen

from bench.catalogue import Peer
from bench.server import MeasurementError, Server, run_server
from bench.stores import make_store

T = TypeVar("T")

Samples: TypeAlias = Mapping[str, Any]
"""What was measured, by name."""


@frozen(kw_only=True)
class Scale:
    """
    How much to measure.

    :ivar rounds: how often each server is started for each stage.
    :ivar seconds: of each load of many requests.
    :ivar download_mib: what is sent to and fro where speed counts.
    :ivar memory_mib: the same where memory counts.
    :ivar files: in the large store.
    """

    rounds: int
    seconds: int
    download_mib: int
    upload_mib: int
    memory_mib: int
    files: int


THOROUGH: Final = Scale(rounds=4, seconds=3, download_mib=512, upload_mib=256, memory_mib=1024, files=1_000_000)
QUICK: Final = Scale(rounds=1, seconds=1, download_mib=16, upload_mib=16, memory_mib=32, files=2_000)


@define
class Ground:
    """
    Where a run takes place.

    :ivar core: on which the servers run.
    :ivar directory: is the run's own.
    :ivar announce: is told what takes long.
    """

    scale: Scale
    core: int
    directory: Path
    announce: Callable[[str], None]
    _stack: ExitStack
    _kept: dict[str, Any] = field(factory=dict)
    _store: Path | None = None

    @contextmanager
    def run(self, peer: Peer, *arguments: str, cores: Collection[int] = ()) -> Iterator[Server]:
        """A server, started anew, on ``cores`` or else on the one for servers."""
        with run_server([*peer.command, *arguments], *(cores or {self.core})) as server:
            yield server

    def keep(self, name: str, make: Callable[[], AbstractContextManager[T]]) -> T:
        """What ``make`` gives, entered when it is first asked for by this name, and left when the run ends."""
        if name not in self._kept:
            self._kept[name] = self._stack.enter_context(make())
        kept: T = self._kept[name]
        return kept

    @property
    def store(self) -> str:
        """The directory of the large store, made when first asked for."""
        if self._store is None:
            self._store = self.directory / "store"
            make_store(self._store, self.scale.files)
        return str(self._store)


@frozen(kw_only=True)
class Stage:
    """
    One kind of work.

    :ivar titles: of what is measured, by name.
    :ivar measure: one round of it.
    :ivar once: whether one round is enough.
    """

    name: str
    peers: tuple[Peer, ...]
    titles: Mapping[str, str]
    measure: Callable[[Ground], Samples]
    once: bool = False

    def find_obstacle(self) -> str | None:
        """Why it cannot take place on this host, or ``None``."""
        return next(filter(None, (peer.find_obstacle() for peer in self.peers)), None)


@define
class Record:
    """
    What became of a stage: its samples, one of each name per round.

    :ivar skipped: why it did not take place.
    :ivar failure: why it ended early.
    """

    stage: Stage
    samples: dict[str, list[Any]] = field(factory=dict)
    skipped: str | None = None
    failure: str | None = None


def run_stages(stages: Iterable[Stage], scale: Scale, core: int, announce: Callable[[str], None]) -> list[Record]:
    """
    Run all stages, interleaved, so that a slow minute of the host falls on all of them.

    :param core: on which the servers run.
    """
    records = [Record(stage, skipped=stage.find_obstacle()) for stage in stages]
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, ExitStack() as stack:
        ground = Ground(scale=scale, core=core, directory=Path(directory), announce=announce, stack=stack)
        for number in range(1, scale.rounds + 1):
            for record in records:
                if record.skipped or record.failure or (record.stage.once and number > 1):
                    continue
                announce(f"round {number} of {scale.rounds}: {record.stage.name}")
                try:
                    _run_once(record, ground)
                except (MeasurementError, OSError, HTTPException) as error:
                    record.failure = str(error) or type(error).__name__
                    announce(f"FAILED {record.stage.name}: {record.failure}")
    return records


def _run_once(record: Record, ground: Ground) -> None:
    for name, sample in record.stage.measure(ground).items():
        record.samples.setdefault(name, []).append(sample)
