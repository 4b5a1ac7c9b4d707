"""
The model of a cell: through which stations a request goes, and for how long it needs each.

A request is counted by Redis, takes half of its time of a node's processor, asks the database, then the bucket, waits
for disks and networks, and takes the other half. A file that is stored also waits for the writer of its process: that
takes what waits into one group, waits for the lock of the database, and has it for as long as the group takes, in which
its node and the database work for it. Times of processors are drawn from exponential distributions
around what was measured.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Final

from attrs import define, field, frozen

from bench.cell.figures import Figures
from bench.cell.simulation import Activity, Resume, Simulation, Station
from cloudsvc.storage.database.group_commit import LONG_SECONDS, MOST_TOGETHER

UPLOAD: Final = "upload"


@frozen(kw_only=True)
class Cell:
    """
    Of what a cell consists.

    :ivar processes: on each node, with a processor each.
    :ivar shared: whether database, bucket and Redis have the processors of the database together, as where it was
        measured, and not some each of their own.
    """

    nodes: int = 1
    processes: int = 1
    database_processors: int = 4
    bucket_processors: int = 4
    shared: bool = False


@define(eq=False)
class Running:
    """
    A cell at work.

    :ivar mix: of a hundred requests, how many are of each kind; or any other such numbers.
    :ivar on_done: is told of each request that was answered: its kind, and how many seconds that took.
    """

    cell: Cell
    figures: Figures
    mix: Mapping[str, float]
    random: Random
    simulation: Simulation
    on_done: Callable[[str, float], None]
    redis: Station = field(init=False)
    database: Station = field(init=False)
    bucket: Station = field(init=False)
    lock: Station = field(init=False)
    nodes: list[Station] = field(init=False)
    _writers: list[_Writer] = field(init=False)
    _waits: Mapping[str, float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        cell = self.cell
        self.database = self._make("database", cell.database_processors)
        self.bucket = self.database if cell.shared else self._make("bucket", cell.bucket_processors)
        # It does one thing at a time.
        self.redis = self.database if cell.shared else self._make("Redis", 1)
        self.lock = self._make("writer's lock", 1)
        self.nodes = [self._make("nodes", 1) for _ in range(cell.nodes * cell.processes)]
        self._writers = [_Writer(running=self, node=node) for node in self.nodes]
        self._waits = {kind: self.figures.find_waits(kind) for kind in self.mix}

    def _make(self, name: str, servers: int) -> Station:
        return Station(name=name, servers=servers, simulation=self.simulation)

    def list_stations(self) -> Iterator[tuple[str, list[Station]]]:
        """The stations, by their names."""
        yield "nodes", self.nodes
        yield "writer's lock", [self.lock]
        if self.cell.shared:
            yield "all engines", [self.database]
        else:
            yield from (("database", [self.database]), ("bucket", [self.bucket]), ("Redis", [self.redis]))

    def arrive(self, on_end: Resume | None = None) -> None:
        """Let a request begin, of a kind and at a process drawn by lot."""
        [kind] = self.random.choices([*self.mix], [*self.mix.values()])
        self.simulation.start(self._answer(kind, self.random.randrange(len(self.nodes)), on_end))

    def draw(self, microseconds: float) -> float:
        """A time of a processor, in seconds."""
        return self.random.expovariate(1e6 / microseconds) if microseconds else 0.0

    def _answer(self, kind: str, process: int, on_end: Resume | None) -> Activity:
        began, node = self.simulation.now, self.nodes[process]
        demand, turn = self.figures.demands[kind], self.figures.turn
        is_upload = kind == UPLOAD
        # What the turn takes of both comes with the turn.
        node_us = max(demand.node_us - is_upload * turn.node_us, 0.0)
        database_us = max(demand.database_us - is_upload * turn.database_us, 0.0)
        for station, microseconds in (
            (self.redis, demand.redis_us),
            (node, node_us / 2),
            (self.database, database_us),
            (self.bucket, demand.bucket_us),
        ):
            if microseconds:
                yield station.serve(self.draw(microseconds))
        if self._waits[kind]:
            yield self.simulation.pause(self._waits[kind])
        if is_upload:
            yield self._writers[process].write
        if node_us:
            yield node.serve(self.draw(node_us / 2))
        self.on_done(kind, self.simulation.now - began)
        if on_end is not None:
            on_end()


@define(eq=False, kw_only=True)
class _Writer:
    """What writes for one process: one group after the other, of all that waits."""

    running: Running
    node: Station
    _waiting: deque[Resume] = field(factory=deque)
    _is_writing: bool = False

    def write(self, resume: Resume) -> None:
        """A step: have a file noted."""
        self._waiting.append(resume)
        if not self._is_writing:
            self._is_writing = True
            self.running.simulation.start(self._write())

    def _write(self) -> Activity:
        running, turn = self.running, self.running.figures.turn
        # Beyond the processors of the node and the database, which may be busy with something else.
        rest = max(turn.file_us - turn.node_us - turn.database_us, 0.0) / 1e6
        most = find_most_together(turn.file_us)
        while self._waiting:
            # Who comes while the lock is waited for is written next time.
            group = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            yield running.lock.acquire
            yield running.simulation.pause(turn.group_ms / 1000 + rest * len(group))
            yield self.node.serve(sum(running.draw(turn.node_us) for _ in group))
            yield running.database.serve(sum(running.draw(turn.database_us) for _ in group))
            running.lock.release()
            for resume in group:
                resume()
        self._is_writing = False


def find_most_together(file_us: float) -> int:
    """How many files a group has at most: a bounded number, and no more than are written in a bounded time."""
    return MOST_TOGETHER if file_us <= 0 else max(1, min(MOST_TOGETHER, int(LONG_SECONDS * 1e6 / file_us)))
