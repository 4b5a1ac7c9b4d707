"""The feed of changes as clients have it: across workers, restarts and stalls nothing is missed and nothing doubled."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import pytest

from tests.live.test_stalled_readers import stall
from tests.support.commands import run
from tests.support.drive_servers import run_drive
from tests.support.event_streams import Refused, Stream, begin_stream, streaming
from tests.support.hostile_clients import HOST, count_connections, run_trial, wait_for
from tests.support.server import Server, make_home, running
from tests.support.workers import make_workers_home, wait_for_workers

STREAMS = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_drive(tmp_path_factory.mktemp("events") / "home") as server:
        yield server


def put(server: Server, *paths: str) -> None:
    for path in paths:
        assert server.ask("PUT", f"/api/files/{path}", path.encode()).status in {201, 204}


def read_paths(stream: Stream, count: int) -> list[str]:
    return [each["path"] for each in islice(stream.read_changes(), count)]


def find_position(server: Server) -> str:
    position: str = server.ask("GET", "/api/changes").json["position"]
    return position


def test_a_change_in_one_worker_is_told_by_all(tmp_path: Path) -> None:
    home, token = make_workers_home(tmp_path / "home")
    with running(home, token) as server, ExitStack() as stack:
        wait_for_workers(server)
        streams = [stack.enter_context(streaming(server)) for _ in range(STREAMS)]
        names = [f"file-{number}" for number in range(STREAMS)]
        put(server, *names)
        for stream in streams:
            assert read_paths(stream, STREAMS) == names


def test_nothing_is_missed_and_nothing_doubled_across_restarts(tmp_path: Path) -> None:
    home, token = make_home(tmp_path / "home", applications=["drive"], rate_limit={"enabled": False})
    with running(home, token) as server, streaming(server) as stream:
        put(server, "a", "b", "c")
        told = read_paths(stream, 2)
        last_id = stream.last_id
    with running(home, token) as server:
        put(server, "d")
        with streaming(server, last_id=last_id) as stream:
            put(server, "e")
            told += read_paths(stream, 3)
            last_id = stream.last_id
    with running(home, token) as server, streaming(server, last_id=last_id) as stream:
        put(server, "f")
        assert [*told, *read_paths(stream, 1)] == [*"abcdef"]


def test_all_end_at_once_when_the_server_stops(tmp_path: Path) -> None:
    with run_drive(tmp_path / "home") as server, ExitStack() as stack:
        streams = [stack.enter_context(streaming(server)) for _ in range(20)]
        assert server.stop() == 0
        # To the end of each, which is a regular one: half an answer would be an error.
        assert [[*stream.read_changes()] for stream in streams] == [[]] * 20


def test_who_takes_nothing_is_let_go_and_can_come_again(tmp_path: Path) -> None:
    with run_trial(tmp_path / "home", applications=["drive"], connections={"stall_seconds": 2}) as server:
        position = find_position(server)
        wait_for(0, count_connections, server)
        key = b"X-API-Key: " + server.token.encode()
        with stall(server, b"GET /api/events HTTP/1.1\r\n" + HOST + key + b"\r\n\r\n"):
            wait_for(1, count_connections, server)
            count = 0
            while count_connections(server):
                count += fill(server, count)
                assert count < 100_000
        with streaming(server, since=position) as stream:
            told = [each["id"] for each in islice(stream.read_changes(), count)]
        numbers = [int(each.rpartition("-")[2]) for each in told]
        first = int(position.rpartition("-")[2]) + 1
        assert numbers == [*range(first, first + count)]


def fill(server: Server, start: int) -> int:
    """Make folders with long paths; how many changes that is."""
    place = "/".join("n" * 250 for _ in range(12))
    steps = [{"make_folder": {"path": f"{place}/{start + number}"}} for number in range(250)]
    body = json.dumps({"operations": steps})
    answer = server.ask("POST", "/api/batch", body, {"Content-Type": "application/json"})
    assert answer.status == 200, answer
    return 250 if start else 262


def test_a_key_that_was_replaced_ends_its_streams(tmp_path: Path) -> None:
    with run_drive(tmp_path / "home") as server, streaming(server) as stream:
        assert run("generate-new-token", "--home", server.home).exit_code == 0
        server.process.send_signal(signal.SIGHUP)
        assert [*stream.read_changes()] == []


def test_what_is_not_remembered_is_gone(server: Server) -> None:
    connection = server.open()
    try:
        with pytest.raises(Refused) as caught:
            begin_stream(connection, server.token, last_id="0123abcd-1")
        reply = caught.value.reply
        assert (reply.status, reply.json["error"]) == (410, "changes_expired")
    finally:
        connection.close()
