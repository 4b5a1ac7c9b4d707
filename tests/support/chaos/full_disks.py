"""Faults of disks that are full for a while: of a node's home, of either database server, of the store of objects."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Final

import psycopg

from tests.support.chaos.scene import PROBE, Scene
from tests.support.chaos.small_disks import fill, has_own_disk
from tests.support.server import wait_until

_NO_SPACE: Final = "No space left on device"
"""What the system says, and a program that it says it to (ENOSPC)."""


def fill_home(scene: Scene) -> None:
    """The disk of one node's home is full for a while. Nothing that clients ask for needs it."""
    node = scene.choose_node()
    if _has_disk(scene, node.name, node.home):
        scene.tell(f"fill the disk of {node.name}")
        with fill(node.home):
            scene.hold(3, 8)


def fill_primary(scene: Scene) -> None:
    """
    The disk of the primary is full for a while: it refuses, then ends, and works again when it has room.

    It ends since it cannot write its log. Whether it starts again by itself is up to where that was (PANIC).
    """
    databases = scene.cluster.databases
    primary = databases.primary
    if not _has_disk(scene, "the primary", primary.data):
        return
    scene.tell("fill the disk of the primary")
    with scene.filling(primary.data) as ballast:
        node, status = scene.wait_until_full(ballast)
        if status == HTTPStatus.INSUFFICIENT_STORAGE:
            scene.wait_for_health("drive_space", node)

        def has_ended() -> bool:
            ballast.grow()
            try:
                databases.write_log()
            except psycopg.OperationalError:
                return True
            return False

        wait_until(has_ended, lambda: "the primary writes its log where there is no room")
        scene.wait_until_full(ballast)
        scene.hold(0, 3)
    scene.tell("the primary has room")
    databases.mend()
    scene.wait_until_all_store()


def fill_standby(scene: Scene) -> None:
    """The disk of the standby is full for a while: meanwhile nothing is acknowledged, and everything is read."""
    databases = scene.cluster.databases
    standby = databases.standby
    if not _has_disk(scene, "the standby", standby.data):
        return
    scene.tell("fill the disk of the standby")
    before = standby.read_log().count(_NO_SPACE)
    with scene.filling(standby.data) as ballast:

        def is_stuck() -> bool:
            ballast.grow()
            databases.write_log()
            return standby.read_log().count(_NO_SPACE) > before

        wait_until(is_stuck, lambda: f"the standby writes where there is no room: {standby.read_log()[-3000:]}")
        scene.wait_for_list()
        scene.hold(2, 6)
    scene.tell("the standby has room")
    databases.mend()
    scene.wait_until_all_store()


def fill_store(scene: Scene) -> None:
    """
    The disk of the store of objects is full for a while: nothing is stored, and what is there can be read.

    It is started again when it has room, as it has to be: a database of its names that could not write once (LevelDB)
    refuses from then on, for some folders of the bucket and not for others.
    """
    cluster = scene.cluster
    if not _has_disk(scene, "the store", cluster.stored):
        return
    scene.tell("fill the disk of the store")
    with scene.filling(cluster.stored) as ballast:
        scene.wait_until_full(ballast)
        scene.wait_for_list()
        node = scene.choose_node()
        wait_until(
            lambda: node.ask("GET", f"/api/files/{PROBE}").status == 200, lambda: f"{node.name} reads nothing either"
        )
        scene.hold(1, 5)
    scene.tell("the store has room, and starts again")
    cluster.store.process.stop()
    cluster.store.process.start()
    scene.wait_until_all_store()


def _has_disk(scene: Scene, name: str, directory: Path) -> bool:
    has_one = has_own_disk(directory)
    if not has_one:
        scene.tell(f"{name} has no disk of its own, which only root can make: it does not become full")
    return has_one
