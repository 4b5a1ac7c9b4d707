"""Database connections: how they are opened, several at once too."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.bounds import MAX_MADE
from cloudsvc.drive.commands import Copy, MakeFolder
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.catalogue import READER_THREADS, open_catalogue
from cloudsvc.storage.catalogue.catalogue import _weigh
from cloudsvc.storage.database.group_commit import Weight
from cloudsvc.storage.database.polling import QUICK_LOOK_SECONDS
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from tests.support.catalogues import NAME, TESTER, Trial, Watch, open_sqlite, read_empty, writing_connection
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor, run_threads

ROOT = Path(__file__).parents[3]
FULL = 2


def read_pragma(connection: SQLiteConnection, name: str) -> object:
    [value] = connection.execute(f"PRAGMA {name}").fetchone()
    return value


@in_reactor
async def test_every_commit_is_durable(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        writing = writing_connection(catalogue)
        assert read_pragma(writing, "journal_mode") == "wal"
        assert read_pragma(writing, "synchronous") == FULL
        assert read_pragma(writing, "foreign_keys") == 1
        assert read_pragma(writing, "integrity_check") == "ok"


@in_reactor
async def test_readers_cannot_write(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        writing = catalogue._readers.run(lambda connection: connection.execute("DELETE FROM node"))
        assert await refusal(writing) == "storage_failed"
        assert await catalogue.find(TESTER, parse_path("")) is not None


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    file = tmp_path / NAME
    with closing(connect(file)) as connection:
        connection.execute("CREATE TABLE a (x)")
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert modes == {NAME: 0o600, f"{NAME}-wal": 0o600, f"{NAME}-shm": 0o600}


def test_a_link_is_no_database(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        connect(tmp_path / NAME)
    assert not (tmp_path / "elsewhere").exists()


@in_reactor
async def test_a_database_that_cannot_be_read_any_more_is_a_failure_of_the_storage(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        await catalogue.find(TESTER, parse_path(""))
        writing_connection(catalogue).execute("ALTER TABLE node RENAME TO elsewhere")
        for work in (
            catalogue.find(TESTER, parse_path("")),
            catalogue.apply(TESTER, [MakeFolder(path=parse_path("a"))]),
        ):
            with pytest.raises(CloudError) as caught:
                await work
            assert caught.value.code == "storage_failed"
            assert "node" not in caught.value.message
        writing_connection(catalogue).execute("ALTER TABLE elsewhere RENAME TO node")
        await catalogue.apply(TESTER, [MakeFolder(path=parse_path("a"))])


@in_reactor
async def test_two_who_have_it_open_see_each_other(tmp_path: Path) -> None:
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as first, open_sqlite(tmp_path, watch) as second:
        one, other = Trial(first, watch), Trial(second, watch)
        works = [
            Deferred.fromCoroutine(trial.store(f"{name}/{number}", b"%d" % number))
            for number in range(60)
            for name, trial in (("one", one), ("other", other))
        ]
        stored = await gatherResults(works)
        assert await one.tree() == await other.tree()
        assert len(await one.tree()) == 122
        assert await first.stored_bytes() == await second.stored_bytes() == 10 + 50 * 2
        assert sum(not each.deduplicated for each in stored) == 60
        changes = await other.changes()
        assert len({change.number for change in changes}) == len(changes) == 122
        assert (await first.read_changes(TESTER, 0, 1000)).items == changes


@in_reactor
async def test_whoever_waits_is_woken_by_what_another_one_has_changed(tmp_path: Path) -> None:
    watch, clock = Watch(), Clock()
    (tmp_path / NAME).write_bytes(read_empty())
    async with open_sqlite(tmp_path, watch) as other:
        with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
            one = await open_catalogue(tmp_path / NAME, writer=writer, readers=readers, now=watch, clock=clock)
            woken: list[Deferred[None]] = [Deferred() for _ in range(3)]
            waking = iter(woken)
            end = one.on_change(lambda: next(waking).callback(None))
            for each in woken:
                await Trial(other, watch).store(f"{id(each)}")
                clock.advance(QUICK_LOOK_SECONDS)
                await each
            end()
            await one.close()


@in_reactor
async def test_another_process_writes_at_the_same_time(tmp_path: Path) -> None:
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        command = [sys.executable, "-m", "tests.support.second_writer", str(tmp_path), "theirs", "40"]
        neighbour = await deferToThread(partial(subprocess.Popen, command, stdout=subprocess.PIPE, cwd=ROOT))
        assert neighbour.stdout is not None
        await deferToThread(neighbour.stdout.readline)
        for number in range(40):
            await trial.store(f"ours/{number}", b"%d" % (number // 2))
        await deferToThread(neighbour.communicate)
        assert neighbour.returncode == 0
        assert len(await trial.files()) == 80
        usage = await catalogue.usage(TESTER)
        assert (usage.files, usage.versions, usage.blobs) == (80, 80, 20)
        numbers = [change.number for change in await trial.changes()]
        assert numbers == sorted({*numbers})
        assert len(numbers) == 82


@pytest.mark.parametrize("count", [MAX_MADE - 1, MAX_MADE])
@in_reactor
async def test_only_so_much_is_copied_in_one_step(tmp_path: Path, count: int) -> None:
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        await catalogue.apply(TESTER, [MakeFolder(path=parse_path("a"))])
        await catalogue.apply(TESTER, [MakeFolder(path=parse_path(f"a/{number}")) for number in range(count)])
        copying = trial.do(Copy(source=parse_path("a"), destination=parse_path("b")))
        before = (await catalogue.usage(TESTER)).folders
        if count < MAX_MADE:
            await copying
            assert (await catalogue.usage(TESTER)).folders == before + 1 + count
        else:
            assert await refusal(copying) == "too_many_nodes"
            assert (await catalogue.usage(TESTER)).folders == before


def test_what_may_be_much_is_heavy() -> None:
    few, many = [MakeFolder(path=parse_path("a"))] * 16, [MakeFolder(path=parse_path("a"))] * 17
    copy = Copy(source=parse_path("a"), destination=parse_path("b"))
    assert [_weigh(each) for each in (few, many, [copy])] == [Weight.LIGHT, Weight.HEAVY, Weight.HEAVY]


@in_reactor
async def test_several_copies_in_one_step_count_together(tmp_path: Path) -> None:
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        half = MAX_MADE // 2
        await catalogue.apply(TESTER, [MakeFolder(path=parse_path(f"a/{number}")) for number in range(half - 1)])
        copies = [Copy(source=parse_path("a"), destination=parse_path(f"copy {number}")) for number in range(3)]
        before = (await catalogue.usage(TESTER)).folders
        assert await refusal(trial.do(*copies)) == "too_many_nodes"
        assert (await catalogue.usage(TESTER)).folders == before
        await trial.do(*copies[:2])
        assert (await catalogue.usage(TESTER)).folders == before + 2 * half
