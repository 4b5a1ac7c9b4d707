"""Several nodes: two machines that serve one drive are one server to clients, also while one of them goes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.nodes import NAMES, Installation, keep, lose, run_balancer, run_nodes
from tests.support.server import Reply, wait_until
from tests.support.workers import crowding

pytestmark = [pytest.mark.slow, pytest.mark.seconds(1800)]


def test_two_nodes_are_one_server_to_clients(tmp_path: Path) -> None:
    """All of it in one test: to start an installation takes longer than to ask it."""
    with run_nodes(tmp_path) as installation:
        see_what_one_has_stored_at_the_other(installation)
        see_the_same_changes_in_the_same_order(installation)
        see_limits_hold_over_both(installation)
        see_a_node_without_its_database_avoided(installation)
        see_nobody_interrupted_when_a_node_stops(installation)
        see_one_go_on_when_the_other_is_killed(installation)
        see_nobody_trusted_who_cannot_be_verified(installation)


def find_node(installation: Installation, reply: Reply) -> str:
    """The name of the node that has answered."""
    found: list[str] = []

    def is_known() -> bool:
        found.extend(node.name for node in installation.nodes if node.has_answered(reply))
        return bool(found)

    wait_until(is_known, lambda: "no node says that it has answered")
    return found[0]


def see_what_one_has_stored_at_the_other(installation: Installation) -> None:
    stored_by, read_by = set(), set()
    for number in range(8):
        content = os.urandom(1000)
        stored = installation.ask("PUT", f"/api/files/file-{number}", content)
        assert stored.status == 201
        stored_by.add(find_node(installation, stored))
        for _ in range(2):
            answer = installation.ask("GET", f"/api/files/file-{number}")
            assert (answer.status, answer.body) == (200, content)
            read_by.add(find_node(installation, answer))
    assert stored_by | read_by == set(NAMES)


def see_the_same_changes_in_the_same_order(installation: Installation) -> None:
    for number in range(4):
        assert installation.ask("PUT", f"/api/files/changing-{number}", b"x").status == 201
    told: dict[str, object] = {}

    def have_both_told() -> bool:
        reply = installation.ask("GET", "/api/chaos/changes")
        told[find_node(installation, reply)] = (reply.json["epoch"], reply.json["items"])
        return len(told) == 2

    wait_until(have_both_told, lambda: f"only {list(told)} answers")
    assert told["one"] == told["two"]


def see_limits_hold_over_both(installation: Installation) -> None:
    """Each would let 20 of them through by itself. What a store that was slow has missed says nothing of that."""
    allowed, refused = 0, set()

    def have_both_refused() -> bool:
        nonlocal allowed
        reply = installation.ask("GET", "/api/login")
        if reply.status == 429:
            refused.add(find_node(installation, reply))
        else:
            allowed += 1
        return refused == set(NAMES)

    wait_until(have_both_refused, lambda: f"{refused} refused, and {allowed} were let through")
    has_missed = any("The rate-limit store is unavailable" in node.server.log() for node in installation.nodes)
    assert allowed == 20 or (has_missed and allowed > 20)


def see_a_node_without_its_database_avoided(installation: Installation) -> None:
    """And when all have, they say so themselves, for a balancer could only say less."""
    assert installation.ask("PUT", "/api/files/known", b"known").status == 201
    one, two = installation.nodes
    two.line.judge = lose
    installation.wait_for("healthy", ["one"])
    assert installation.list_up("ready") == set(NAMES)
    replies = [installation.ask("GET", "/api/files/known") for _ in range(8)]
    assert [reply.status for reply in replies] == [200] * 8
    one.line.judge = lose
    installation.wait_for("healthy", [])
    reply = installation.ask("GET", "/api/files/known")
    assert (reply.status, reply.json["error"]) == (503, "storage_failed")
    assert int(reply.headers["Retry-After"]) > 0
    assert installation.ask("GET", "/api/health/ready").status == 200
    one.line.judge = two.line.judge = keep
    installation.wait_for("healthy", NAMES)
    wait_until(lambda: installation.ask("GET", "/api/files/known").status == 200, lambda: "the file is gone")


def see_nobody_interrupted_when_a_node_stops(installation: Installation) -> None:
    assert installation.ask("PUT", "/api/files/wanted", b"wanted").status == 201
    one, _ = installation.nodes
    key = {"X-API-Key": one.token}
    with (
        crowding(installation.front, path="/api/files/wanted", headers=key) as readers,
        crowding(installation.front, clients=2, path="/api/files/written", headers=key, body=b"written") as writers,
    ):
        readers.wait_for(20)
        writers.wait_for(5)
        assert one.server.stop() == 0
        readers.wait_for(20)
        writers.wait_for(5)
    assert readers.failures == writers.failures == []
    assert "Traceback" not in one.server.log().partition("not ready any more")[2]
    one.forget()
    one.start()
    installation.wait_for("healthy", NAMES)


def see_one_go_on_when_the_other_is_killed(installation: Installation) -> None:
    _, two = installation.nodes
    two.server.process.send_signal(signal.SIGKILL)
    two.server.process.wait()
    replies = [installation.ask("PUT", f"/api/files/survived-{number}", b"x") for number in range(8)]
    assert [reply.status for reply in replies] == [201] * 8
    two.forget()
    two.start()
    installation.wait_for("healthy", NAMES)
    assert installation.ask("GET", "/api/files/survived-0").body == b"x"


def see_nobody_trusted_who_cannot_be_verified(installation: Installation) -> None:
    one, two = installation.nodes
    # Each home has made a certificate of its own; both nodes have that of the first.
    with run_balancer(installation.nodes, two.home / "certs" / "cert.pem") as suspicious:
        suspicious.wait_for("healthy", [])
        suspicious.wait_for("ready", [])
    with run_balancer(installation.nodes, one.home / "certs" / "cert.pem") as convinced:
        convinced.wait_for("healthy", NAMES)
