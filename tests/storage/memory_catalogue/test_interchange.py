"""Interchange: what a catalogue in memory writes as a database is the same catalogue in SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve

from cloudsvc.core.actors import Role
from cloudsvc.storage.catalogue import examine, examine_definitions
from tests.support.catalogues import (
    NAME,
    Trial,
    Watch,
    gather,
    open_memory,
    open_sqlite,
)
from tests.support.furnished_catalogues import fill
from tests.support.reactors import in_reactor


async def describe(trial: Trial) -> list[Any]:
    """All that is told."""
    blobs = await gather(trial.catalogue.list_blobs)
    return [
        await trial.tree(),
        await trial.trash(),
        await trial.changes(),
        [await trial.versions(path) for path in await trial.files()],
        blobs,
        [await trial.catalogue.find_users(blob.id) for blob in blobs],
        await trial.catalogue.list_unmeasured(100),
        await trial.catalogue.list_quotas(),
        await trial.catalogue.find_miscounts(),
        await trial.catalogue.count_paid_bytes(["anna", "bert"]),
        [await trial.catalogue.droppable_paid_bytes(name) for name in ("anna", "bert")],
        await trial.catalogue.find_miscounted_payers(),
        evolve(await trial.catalogue.usage(trial.actor), catalogue_bytes=0),
        await trial.catalogue.reclaimable_bytes(),
        await trial.catalogue.mark_for_deletion(100),
    ]


@in_reactor
async def test_it_tells_the_same_and_goes_on_alike(tmp_path: Path) -> None:
    copy, watch = tmp_path / "copy", Watch()
    copy.mkdir()
    async with open_memory(tmp_path, watch) as memory:
        plain = Trial(memory, watch)
        granted = await fill(plain)
        async with memory.snapshot() as snapshot:
            (copy / NAME).write_bytes(snapshot.content.read())
        examine_definitions(copy / NAME)
        examine(copy / NAME)
        async with open_sqlite(copy, watch) as sqlite:
            other = Trial(sqlite, watch)
            for actor in (plain, plain.as_actor((Role.VIEWER, granted))):
                told = [await describe(evolve(trial, actor=actor.actor)) for trial in (plain, other)]
                assert told[0] == told[1]
            newer = [(await trial.store("newer")).file for trial in (plain, other)]
            before = {node.id for node in (await plain.tree()).values()} - {newer[0].id}
            assert newer[1].id > max(before)
            last = [(await trial.changes())[-1].number for trial in (plain, other)]
            assert last[0] == last[1]
            watch.pass_seconds(61)
            assert {*await plain.collect()} == {*await other.collect()}
