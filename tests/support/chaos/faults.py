"""Faults: what happens to nodes, engines and lines in a run, each healed before the next begins."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from random import Random
from typing import Final

from tests.support.chaos.controls import CONTROLS
from tests.support.chaos.full_disks import fill_home, fill_primary, fill_standby, fill_store
from tests.support.chaos.scene import PROBE, Fault, Scene

_HOUR: Final = 3600.0


def kill_node(scene: Scene) -> None:
    """SIGKILL, and a start after a while."""
    node = scene.choose_node()
    scene.tell(f"kill {node.name}")
    node.kill()
    scene.hold()
    node.start()
    node.wait_until_ready()


def restart_node(scene: Scene) -> None:
    """SIGTERM, and a start."""
    node = scene.choose_node()
    scene.tell(f"restart {node.name}")
    status = node.stop()
    if status != 0:
        scene.meeting.faults.append(f"{node.name} was told to stop, and ended with {status}")
    node.start()
    node.wait_until_ready()


def freeze_node(scene: Scene) -> None:
    """SIGSTOP, and SIGCONT after a while."""
    node = scene.choose_node()
    scene.tell(f"freeze {node.name}")
    node.freeze()
    scene.hold(3, 15)
    node.thaw()


def crash_database(scene: Scene) -> None:
    """``pg_ctl stop -m immediate`` of the primary, and a start."""
    scene.tell("crash the primary")
    scene.cluster.databases.crash()
    scene.wait_for_refusal("/api/folders")
    scene.wait_for_health("database")
    scene.hold(0, 3)
    scene.cluster.databases.restart()


def promote_standby(scene: Scene) -> None:
    """The primary is gone for good, and the standby takes its place."""
    scene.tell("crash the primary, and promote the standby")
    databases = scene.cluster.databases
    databases.crash()
    scene.wait_for_refusal("/api/folders")
    databases.promote()
    scene.hold()
    databases.rebuild()


def freeze_store(scene: Scene) -> None:
    """SIGSTOP of the store of objects."""
    scene.tell("freeze the store")
    scene.cluster.store.process.freeze()
    try:
        scene.wait_for_refusal(f"/api/files/{PROBE}")
        scene.wait_for_list()
    finally:
        scene.cluster.store.process.thaw()


def kill_store(scene: Scene) -> None:
    """SIGKILL of the store of objects, and a start."""
    scene.tell("kill the store")
    scene.cluster.store.process.stop()
    scene.wait_for_refusal(f"/api/files/{PROBE}")
    scene.wait_for_list()
    scene.wait_for_health("blobs")
    scene.cluster.store.process.start()


def kill_redis(scene: Scene) -> None:
    """SIGKILL of Redis, where requests are counted, and a start: they go on without it."""
    scene.tell("kill Redis")
    scene.cluster.redis.stop()
    scene.wait_for_list()
    scene.wait_for_health("redis")
    scene.cluster.redis.start()


def freeze_redis(scene: Scene) -> None:
    """SIGSTOP of Redis, and SIGCONT after a while."""
    scene.tell("freeze Redis")
    scene.cluster.redis.freeze()
    try:
        scene.wait_for_list()
        scene.hold()
    finally:
        scene.cluster.redis.thaw()


def lose_power(scene: Scene) -> None:
    """All nodes and all engines are gone at once, and come back."""
    scene.tell("lose the power of all")
    for node in scene.cluster.nodes:
        node.kill()
    scene.cluster.databases.crash()
    scene.cluster.store.process.stop()
    scene.cluster.store.process.start()
    # Who starts while it does not know its volumes yet has no bucket, and ends.
    scene.cluster.store.wait_until_it_works()
    scene.cluster.databases.restart()
    for node in scene.cluster.nodes:
        node.start()
    for node in scene.cluster.nodes:
        node.wait_until_ready()


def cut_lines(scene: Scene) -> None:
    """Connections to engines are cut, here and there."""
    scene.tell("cut lines")
    lines = [line for node in scene.cluster.nodes for line in node.lines]
    for _ in range(50):
        scene.random.choice(lines).cut()
        scene.hold(0.02, 0.3)


def silence_lines(scene: Scene) -> None:
    """The lines of one node to its engines, or some of them, let nothing through, or no answers."""
    node = scene.choose_node()
    lines = scene.random.choice([node.databases, [node.store], node.lines])
    is_mute = scene.random.random() < 0.5
    scene.tell(f"{'keep answers on' if is_mute else 'silence'} {len(lines)} lines of {node.name}")
    for line in lines:
        line.mute() if is_mute else line.silence()
    try:
        scene.hold(5, 20)
    finally:
        is_late = scene.random.random() < 0.5
        for line in lines:
            line.release() if is_late else line.heal()


def jump_clock(scene: Scene) -> None:
    """The clock of one node is set, and put right after a while."""
    node = scene.choose_node()
    seconds = scene.random.choice([-48, -2, -0.01, 0.01, 2, 48]) * _HOUR
    scene.tell(f"set the clock of {node.name} by {seconds:+.0f} s")
    node.jump(seconds)
    try:
        scene.hold(3, 8)
    finally:
        node.jump(0)


FAULTS: Final = (
    kill_node,
    promote_standby,
    fill_primary,
    kill_store,
    crash_database,
    freeze_node,
    cut_lines,
    freeze_store,
    silence_lines,
    jump_clock,
    fill_home,
    fill_store,
    restart_node,
    lose_power,
    fill_standby,
    kill_redis,
    freeze_redis,
)


def plan_faults(random: Random, names: Collection[str] = ()) -> Iterator[Fault]:
    """
    Faults in some order, again and again.

    :param names: of those that happen, controls among them; all faults where it names none.
    """
    chosen = [each for each in (*FAULTS, *CONTROLS) if each.__name__ in names] or FAULTS
    while True:
        yield from random.sample(chosen, len(chosen))
