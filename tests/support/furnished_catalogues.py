"""Catalogues in tests with something in every table, and ones that nobody waits for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from attrs import evolve

from cloudsvc.core.actors import Payer
from cloudsvc.drive.commands import Copy, EditTags, Move, Purge, Restore, SetQuota
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.catalogue import SQLiteCatalogue, open_catalogue
from tests.support.catalogues import NAME, SECOND, Trial, Watch, hide_checksums, make_blob, read_empty
from tests.support.inline_threads import Inline


@asynccontextmanager
async def open_inline(directory: Path, watch: Watch) -> AsyncIterator[SQLiteCatalogue]:
    """One in SQLite whose answers are there at once; an empty one where there is none."""
    file = directory / NAME
    if not file.exists():
        file.write_bytes(read_empty())
    catalogue = await open_catalogue(file, writer=Inline(), readers=Inline(), now=watch)
    try:
        yield catalogue
    finally:
        await catalogue.close()


async def fill(trial: Trial) -> int:
    """Something in every table; the id of a folder to be granted."""
    folder = (await trial.make_folder("a/granted")).folder
    for number in range(3):
        await trial.store("a/granted/file", bytes([number]), modified_at=number)
        trial.watch.pass_seconds(1)
    await trial.store("a/granted/unknown", hide_checksums(make_blob(b"unknown")))
    await trial.do(EditTags(path=parse_path("a/granted/file"), add=("red", "blue"), most=2))
    await trial.do(Copy(source=parse_path("a"), destination=parse_path("e\N{COMBINING ACUTE ACCENT}/copy")))
    for name in ("x", "y", "z"):
        await trial.store(f"a/granted/{name}/file", name.encode())
    kept, back, purged = [await trial.discard(f"a/granted/{name}") for name in ("x", "y", "z")]
    await trial.do(Restore(entry=back.id), Purge(entry=purged.id))
    # The folder is younger than what is in it then.
    await trial.do(Move(path=parse_path("a"), destination=parse_path("new/a")))
    await trial.do(SetQuota(path=parse_path("new/a"), quota=10_000))
    for name in ("anna", "bert"):
        payer = evolve(trial, actor=evolve(trial.actor, payer=Payer(name=name, quota=10_000)))
        for number in range(2):
            await payer.store(f"new/a/of {name}", f"{number} of {name}".encode())
        await payer.store(f"lost/of {name}", name.encode())
    await trial.discard("lost/of bert")
    await trial.catalogue.pin(trial.watch.now + 60 * SECOND)
    assert kept.id
    return folder.id
