"""Scene: where faults happen, and what is to be seen of each while it lasts and once it has passed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias

from attrs import define

from tests.support.chaos.asking import Meeting
from tests.support.chaos.cluster import Cluster
from tests.support.chaos.nodes import Node
from tests.support.chaos.small_disks import Ballast, fill
from tests.support.server import Reply, wait_until

PROBE: Final = "probe"
"""A file that is always there."""

_PROBED: Final = 300_000
"""Bytes that it has."""

STORED: Final = frozenset({201, 204})
"""Statuses of an upload that was acknowledged."""

_HEALTHY: Final = "healthy"


def probe(node: Node) -> Reply:
    """What a node answers to an upload. Nothing that is there is like it, so that it has to be stored."""
    return node.ask("PUT", f"/api/files/{PROBE}", os.urandom(_PROBED))


@define(eq=False)
class Scene:
    """Where faults happen."""

    cluster: Cluster
    meeting: Meeting
    random: Random

    def tell(self, event: str) -> None:
        """Say what happens."""
        at = self.meeting.now()
        self.meeting.history.tell(at, event)
        print(f"[{at:7.1f}] {event}", flush=True)  # noqa: T201 - progress

    def hold(self, least: float = 1.0, most: float = 5.0) -> None:
        """Let clients work for a while."""
        self.meeting.end.wait(self.random.uniform(least, most))

    def choose_node(self) -> Node:
        """One of the nodes."""
        return self.random.choice(self.cluster.nodes)

    def wait_for_refusal(self, path: str) -> None:
        """Return once a node answers 503, as it must while an engine is gone; it has to say when to come again."""
        node = self.choose_node()
        seen: list[Reply] = []

        def is_refused() -> bool:
            seen.append(node.ask("GET", path))
            return seen[-1].status == 503

        wait_until(is_refused, lambda: f"{node.name} never answered 503 to {path}, but {seen[-1]}")
        if not seen[-1].headers.get("Retry-After", "").isdecimal():
            self.meeting.faults.append(f"{node.name} answered 503 without Retry-After: {seen[-1]}")

    def wait_for_list(self) -> None:
        """Return once a node lists a folder, for which it needs no store."""
        node = self.choose_node()
        wait_until(lambda: node.ask("GET", "/api/folders").status == 200, lambda: f"{node.name} lists nothing")

    def wait_for_health(self, check: str, node: Node | None = None) -> None:
        """Return once the health of a node, or of one of them, says that a check fails."""
        node = node or self.choose_node()
        seen: list[Mapping[str, Any]] = []

        def is_named() -> bool:
            seen.append(node.ask("GET", "/api/health/checks").json["checks"])
            return bool(seen[-1][check]["status"] != _HEALTHY)

        wait_until(is_named, lambda: f"the health of {node.name} does not say that {check} fails: {seen[-1]}")

    @contextmanager
    def filling(self, directory: Path) -> Iterator[Ballast]:
        """Meanwhile the disk of a directory is full, and clients may be told so."""
        self.meeting.full_until = inf
        with fill(directory) as ballast:
            yield ballast

    def wait_until_full(self, ballast: Ballast) -> tuple[Node, int]:
        """A node that refuses to store something, since nothing can be written any more where it should be; how."""
        node = self.choose_node()
        seen: list[Reply] = []

        def is_refused() -> bool:
            ballast.grow()
            seen.append(probe(node))
            return seen[-1].status in {503, 507}

        wait_until(is_refused, lambda: f"{node.name} stores what has no room: {seen[-1]}")
        self.tell(f"{node.name} answers {seen[-1].status} {seen[-1].json['error']}")
        return node, seen[-1].status

    def wait_until_all_store(self) -> None:
        """Return once each node stores something. From then on nobody may be told any more that a disk is full."""
        for node in self.cluster.nodes:
            seen: list[Reply] = []

            def is_stored(node: Node = node, seen: list[Reply] = seen) -> bool:
                seen.append(probe(node))
                return seen[-1].status in STORED

            wait_until(is_stored, lambda node=node, seen=seen: f"{node.name} stores nothing: {seen[-1]}")  # type: ignore[misc]  # bound now
        self.meeting.full_until = self.meeting.now()


Fault: TypeAlias = Callable[[Scene], None]
