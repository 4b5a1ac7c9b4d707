"""Contract of catalogues: the copy that a catalogue makes of itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults

from cloudsvc.core.actors import OWNER
from tests.support.catalogues import Trial
from tests.support.reactors import in_reactor


@in_reactor
async def test_a_snapshot_stays_as_it_was_at_one_moment(trial: Trial) -> None:
    await trial.store("a")
    async with trial.catalogue.snapshot() as first:
        await trial.store("b")
        await trial.discard("a")
        async with trial.catalogue.snapshot() as second:
            assert [*await evolve(trial, catalogue=second.catalogue).tree()] == ["b"]
        assert [*await evolve(trial, catalogue=first.catalogue).tree()] == ["a"]
        assert (await first.catalogue.usage(OWNER)).trash_entries == 0
    assert [*await trial.tree()] == ["b"]


@in_reactor
async def test_its_content_is_all_of_it_in_sqlite(trial: Trial, tmp_path: Path) -> None:
    await trial.store("a")
    copy = tmp_path / "copy"
    async with trial.catalogue.snapshot() as snapshot:
        await trial.store("b")
        copy.write_bytes(snapshot.content.read())
    assert copy.stat().st_size == snapshot.size
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT name FROM node WHERE kind = 1").fetchall() == [("a",)]


@in_reactor
async def test_several_are_made_while_everything_goes_on(trial: Trial) -> None:
    stores = [Deferred.fromCoroutine(trial.store(f"b/{number}")) for number in range(100)]

    async def check() -> None:
        async with trial.catalogue.snapshot() as snapshot:
            seen = evolve(trial, catalogue=snapshot.catalogue)
            files = await seen.files()
            assert await seen.files() == files
            assert (await snapshot.catalogue.usage(OWNER)).files == len(files)

    await gatherResults([Deferred.fromCoroutine(check()) for _ in range(3)])
    await gatherResults(stores)
    assert len(await trial.files()) == 100
