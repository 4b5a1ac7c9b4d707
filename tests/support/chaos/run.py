"""One run: a cluster, clients and readers at work, faults one after the other, and the judgement."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from attrs import define

from tests.support.chaos.asking import Meeting, ask_json
from tests.support.chaos.checks import check_bytes, check_feed, check_presence, check_registers, list_kept
from tests.support.chaos.clients import Client
from tests.support.chaos.cluster import Cluster, run_cluster
from tests.support.chaos.faults import plan_faults
from tests.support.chaos.feed import Reader
from tests.support.chaos.history import History
from tests.support.chaos.listening import Listener
from tests.support.chaos.scene import PROBE, STORED, Scene, probe
from tests.support.server import PATIENCE, environment, program, wait_until

CLIENTS: Final = 4
READERS: Final = 2

_CHANGES: Final = "/api/chaos/changes?after={}"
_PAUSE: Final = 0.2
"""Seconds for which a reader does without news."""


class Lost(Exception):  # noqa: N818  # the finding
    """Something is not as it must be. Its text says what, a finding in each line or more."""


@define(eq=False)
class Run:
    """
    A cluster with those who work on it.

    :ivar seed: chooses what happens.
    """

    cluster: Cluster
    history: History
    seed: int

    def work(self, seconds: float, faults: Collection[str] = ()) -> str:
        """
        Let faults happen for so long; what was seen, in a line.

        :param faults: names of those that happen; all of them where it names none.
        :raises Lost: something is not as it must be.
        """
        cluster = self.cluster
        meeting = Meeting(self.history, cluster.connect, cluster.token)
        scene = Scene(cluster, meeting, self._make_random("faults"))
        assert probe(cluster.nodes[0]).status == 201
        readers = [Reader(f"reader {number}") for number in range(READERS)]
        listener = Listener(Reader("listener"), cluster.connect, cluster.token)
        with self._working(meeting, readers, listener):
            self._let_happen(scene, seconds, faults)
        return self._judge(scene, readers, listener)

    def _make_random(self, *purpose: object) -> Random:
        return Random(repr((self.seed, *purpose)))  # noqa: S311 - it keeps no secrets

    @contextmanager
    def _working(self, meeting: Meeting, readers: Sequence[Reader], listener: Listener) -> Iterator[None]:
        clients = [Client.make(f"client {number}", meeting, self._make_random(number)) for number in range(CLIENTS)]
        works: list[Callable[[], None]] = [
            *(each.work for each in clients),
            *(partial(self._follow, meeting, each) for each in readers),
            partial(listener.listen, meeting.end.is_set),
        ]
        threads = [threading.Thread(target=each) for each in works]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            meeting.end.set()
            for thread in threads:
                thread.join()

    def _follow(self, meeting: Meeting, reader: Reader) -> None:
        connection = self.cluster.connect()
        while not meeting.end.is_set():
            page = ask_json(connection, self.cluster.token, _CHANGES.format(reader.last))
            if page is not None:
                reader.read(page)
            if page is None or not page["items"]:
                meeting.end.wait(_PAUSE)
        connection.close()

    def _let_happen(self, scene: Scene, seconds: float, faults: Collection[str]) -> None:
        end = time.monotonic() + seconds
        for fault in plan_faults(scene.random, faults):
            scene.meeting.round += 1
            scene.hold(1, 3)
            fault(scene)
            if time.monotonic() > end or scene.meeting.faults:
                break
            scene.hold(0, 2)
        scene.tell("all is healed")
        self._recover(scene)

    def _recover(self, scene: Scene) -> None:
        """See that all works again in a bounded time, while clients work."""
        for node in self.cluster.nodes:
            node.wait_until_ready()
            path = f"/api/files/healed/{node.name}"
            wait_until(
                lambda node=node, path=path: node.ask("PUT", path, b"x").status in STORED,  # type: ignore[misc]  # bound now
                lambda node=node: f"{node.name} stores nothing, {PATIENCE} s after all was healed",  # type: ignore[misc]  # as above
            )
        wait_until(lambda: self._count_leaders() == 1, lambda: f"{self._count_leaders()} nodes lead")
        scene.hold(1, 2)

    def _count_leaders(self) -> int:
        return sum(node.ask("GET", "/api/chaos/leader").json["leads"] for node in self.cluster.nodes)

    # -- the judgement -------------------------------------------------------------------------------------------

    def _judge(self, scene: Scene, readers: Sequence[Reader], listener: Listener) -> str:
        scene.tell("judge")
        meeting, operations = scene.meeting, self.history.operations
        judge = Client.make("judge", meeting, self._make_random("judge"))
        paths = sorted({path for each in operations for path, _ in each.steps})
        for path in paths:
            wait_until(lambda path=path: judge.read(path), lambda path=path: f"{path} cannot be read")  # type: ignore[misc]  # bound now
        judge.line.hang_up()
        whole = self._read_all()
        listener.finish(whole.last)
        for node in self.cluster.nodes:
            if (status := node.stop()) != 0:
                meeting.faults.append(f"{node.name} ended with {status}")
        present = {
            path for each in operations if each.client == "judge" and each.status == 200 for path, _ in each.steps
        }
        others = {PROBE, *(f"healed/{node.name}" for node in self.cluster.nodes)}
        ours = [each for each in operations if each.client != "judge"]
        findings = [
            *meeting.faults,
            *check_registers(operations),
            *check_bytes(ours, list_kept(self.cluster.databases)),
            *check_feed(ours, [*readers, listener.reader], whole, others),
            *check_presence(present, whole.without(others)),
            *self._check_storage(),
        ]
        if findings:
            raise Lost("\n".join(findings))
        counted = Counter(each.outcome.value for each in ours)
        refused = sum(each.status == 503 for each in ours)
        return (
            f"{len(ours)} operations ({', '.join(f'{number} {what}' for what, number in sorted(counted.items()))};"
            f" {refused} answered 503), {len(paths)} paths, {whole.last} changes, 0 failures"
        )

    def _read_all(self) -> Reader:
        whole, connection = Reader("in the end"), self.cluster.connect()
        end = time.monotonic() + PATIENCE
        while True:
            page = ask_json(connection, self.cluster.token, _CHANGES.format(whole.last))
            assert time.monotonic() < end, "the changes cannot be read"
            if page is not None:
                whole.read(page)
                if not page["items"]:
                    connection.close()
                    return whole

    def _check_storage(self) -> Iterator[str]:
        """What the programs of an administrator find, when no node runs any more."""
        databases = self.cluster.databases
        wait_until(
            lambda: databases.count_locks() == 0, lambda: f"{databases.count_locks()} locks are held by the dead"
        )
        node = self.cluster.nodes[0]
        for command in (
            [program("cloudsvc"), "--home", str(node.home), "verify"],
            [sys.executable, "-m", "tests.support.chaos.orphans", str(node.home)],
        ):
            done = subprocess.run(
                command, env=environment(node.environ), capture_output=True, text=True, timeout=600, check=False
            )
            if done.returncode != 0:
                yield f"{command[1:]} ended with {done.returncode}: {done.stdout} {done.stderr}"
            elif command[0] == sys.executable and json.loads(done.stdout)["left"]:
                yield f"orphaned blobs are left: {done.stdout}"


@contextmanager
def running(directory: Path, seed: int, *, small_disks: bool) -> Iterator[Run]:
    """
    A run that is ready; everything is stopped at the end.

    :param small_disks: whether file systems can be mounted.
    """
    history = History.open(directory / "history.jsonl")
    try:
        with run_cluster(directory, small_disks=small_disks) as cluster:
            yield Run(cluster, history, seed)
    finally:
        history.close()
