"""Maintenance: the catalogue takes less space on disk again."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudsvc.drive.commands import Copy, Discard, Purge
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.catalogue import SQLiteCatalogue
from cloudsvc.storage.database.sqlite import maintenance
from cloudsvc.storage.database.sqlite.connections import connect
from tests.support.catalogues import NAME, Trial, Watch, open_sqlite, store, writing_connection
from tests.support.reactors import in_reactor

LARGE = 2**19
STEP = 2**18


@pytest.fixture
def _small_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that little is much."""
    monkeypatch.setattr(maintenance, "_LARGE", LARGE)
    monkeypatch.setattr(maintenance, "_STEP", STEP)
    monkeypatch.setattr(maintenance, "_PATIENCE", 0.01)


def measure_log(directory: Path) -> int:
    return (directory / f"{NAME}-wal").stat().st_size


async def fill(trial: Trial, copies: int) -> None:
    """Write some megabytes."""
    await trial.do(*(store(f"folder/{number}{'n' * 240}", b"content") for number in range(100)))
    for number in range(copies):
        await trial.do(Copy(source=parse_path("folder"), destination=parse_path(f"copy {number}")))


@pytest.mark.usefixtures("_small_logs")
@in_reactor
async def test_a_log_that_has_become_large_is_cut(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        sizes = []
        for number in range(5):
            trial = Trial(catalogue, Watch())
            await trial.do(*(store(f"{number}/{each}{'n' * 240}", b"content") for each in range(300)))
            sizes.append(measure_log(tmp_path))
        # Beyond the bound there is never more than one commit.
        assert max(sizes) < LARGE + STEP
        assert 0 in sizes


@pytest.mark.usefixtures("_small_logs")
@in_reactor
async def test_whoever_reads_for_long_holds_up_nobody_and_the_log_is_cut_afterwards(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        reading = connect(tmp_path / NAME)
        try:
            reading.execute("BEGIN")
            reading.execute("SELECT * FROM node").fetchone()
            await fill(Trial(catalogue, Watch()), 20)
            assert measure_log(tmp_path) > LARGE
        finally:
            reading.close()
        await fill(Trial(catalogue, Watch()), 0)
        for number in range(20, 40):
            await Trial(catalogue, Watch()).do(
                Copy(source=parse_path("folder"), destination=parse_path(f"copy {number}"))
            )
        assert measure_log(tmp_path) < LARGE + STEP


@in_reactor
async def test_tidying_empties_the_log(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        await fill(Trial(catalogue, Watch()), 2)
        assert measure_log(tmp_path) > 0
        await catalogue.tidy()
        assert measure_log(tmp_path) == 0
        await catalogue.tidy()


@in_reactor
async def test_what_was_deleted_is_given_back_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "_UNUSED", 20)
    monkeypatch.setattr(maintenance, "_FREED", 7)
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        trial = Trial(catalogue, Watch())
        await fill(trial, 20)
        await catalogue.tidy()
        full = (tmp_path / NAME).stat().st_size
        for number in range(20):
            await trial.do(Discard(path=parse_path(f"copy {number}")))
        await trial.do(Purge(entry=None))
        await trial.expire(changes_before=2**62)
        await trial.collect()
        await catalogue.tidy()
        assert (tmp_path / NAME).stat().st_size < full / 4
        assert count_unused(catalogue) <= 20
        assert len(await trial.files()) == 100


def count_unused(catalogue: SQLiteCatalogue) -> int:
    [unused] = writing_connection(catalogue).execute("PRAGMA freelist_count").fetchone()
    return int(unused)


@in_reactor
async def test_a_trash_with_much_in_it_is_emptied_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.storage.catalogue.catalogue.STEP", 10)
    statements: list[str] = []
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        trial = Trial(catalogue, Watch())
        await trial.do(*(store(str(number), b"%d" % number) for number in range(35)))
        await trial.do(*(Discard(path=parse_path(str(number))) for number in range(35)))
        writing_connection(catalogue).set_trace_callback(statements.append)
        assert await trial.do(Purge(entry=None)) == 35
        writing_connection(catalogue).set_trace_callback(None)
        assert not await trial.trash()
        assert len(await trial.collect()) == 35
    assert statements.count("COMMIT") == 1 + 4 + 1
