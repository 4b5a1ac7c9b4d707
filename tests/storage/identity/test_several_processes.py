"""Other processes with the same accounts: what they do is seen, and what they were killed in was done or was not."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from cloudsvc.identity.names import parse_account_name
from tests.support.identity_stores import IDENTITY_STORES, make_user
from tests.support.postgresql import find_database
from tests.support.reactors import in_reactor

pytestmark = pytest.mark.parametrize("engine", ["sqlite", "postgresql"])

MOST = 100_000
"""More than are ever made: the other one is killed before."""


def find_place(engine: str, directory: Path) -> str:
    return find_database(directory).reveal() if engine == "postgresql" else str(directory)


@contextmanager
def run_other(engine: str, directory: Path, count: int) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    place = find_place(engine, directory)
    command = [sys.executable, "-m", "tests.support.account_writer", place, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.kill()


@in_reactor
async def test_what_another_process_does_is_seen_by_whoever_listens(engine: str, tmp_path: Path) -> None:
    async with IDENTITY_STORES[engine](tmp_path) as store:
        woken: Deferred[None] = Deferred()
        end = store.on_change(lambda: None if woken.called else woken.callback(None))
        with run_other(engine, tmp_path, 1) as (process, said):
            assert await deferToThread(said.readline) == b"0\n"
            await woken
            end()
            assert await store.find_user(parse_account_name("user-0")) is not None
            assert (await store.find_standing()).revision == 3
            await deferToThread(process.wait)


@in_reactor
async def test_whoever_is_killed_leaves_every_change_whole(engine: str, tmp_path: Path) -> None:
    with run_other(engine, tmp_path, MOST) as (process, said):
        acknowledged = 0
        while acknowledged < 5:
            acknowledged = int(await deferToThread(said.readline))
        process.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, (await deferToThread(said.read)).split())])
    async with IDENTITY_STORES[engine](tmp_path) as store:
        standing = await store.find_standing()
        users, keys = await store.list_users(MOST), await store.list_keys(MOST)
        assert {f"user-{number}" for number in range(acknowledged + 1)} <= {str(user.name) for user in users}
        # A user, their key, and its rotation, which brings one more, are a change each.
        whole, begun = divmod(standing.revision, 3)
        assert (len(users), len(keys)) == (whole + (begun > 0), 2 * whole + (begun > 1))
        assert standing.restriction is not None
        assert standing.restriction.revision == 3 * whole
        assert await store.knows(standing.restriction)
        # What was begun holds up nobody.
        added = await store.add_user(make_user("anna"))
        assert added.revision == standing.revision + 1
