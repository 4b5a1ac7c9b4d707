"""Grants while the owner moves, discards and restores the granted folder, and makes others where it was."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults

from cloudsvc.core.actors import Actor, Role
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.commands import Command, Condition, Discard, EditTags, MakeFolder, Move, Purge, Restore
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import TrashId
from cloudsvc.drive.pages import FileQuery
from tests.support.actors import make_guest
from tests.support.catalogues import CATALOGUES, Trial, Watch, store
from tests.support.reactors import in_reactor

PLACES: Final = ("x/granted", "y/granted")
SECRET: Final = "secret"
"""What the owner's other folders at the same paths hold."""

NEW: Final = Condition(absent=True)

STEPS: Final = 60
"""Of each who works."""


@define
class Work:
    """Commands of one who works beside others, one after the other."""

    catalogue: Catalogue
    actor: Actor
    seed: str
    choice: random.Random = field(init=False)
    done: int = 0
    refused: list[str] = field(factory=list)

    @choice.default
    def _choose(self) -> random.Random:
        return random.Random(self.seed)  # noqa: S311  # a test that can be repeated

    async def attempt(self, *commands: Command) -> None:
        """Some of them cannot be done by then."""
        try:
            await self.catalogue.apply(self.actor, commands)
        except CloudError as refused:
            self.refused.append(refused.code)
        else:
            self.done += 1


async def own(work: Work, granted: int) -> None:
    """Take the granted folder from place to place, into the trash and back, and put others where it was."""
    trial = Trial(work.catalogue, Watch())
    for _ in range(STEPS):
        place, other = work.choice.sample(PLACES, 2)
        match work.choice.randrange(4):
            case 0:
                await work.attempt(Move(path=parse_path(place), destination=parse_path(other)))
            case 1:
                await work.attempt(Discard(path=parse_path(place)))
            case 2:
                await work.attempt(MakeFolder(path=parse_path(place), condition=NEW), store(f"{place}/{SECRET}"))
            case _:
                entries = [entry.id for entry in await trial.trash() if entry.node.id == granted]
                for entry in entries:
                    await work.attempt(Restore(entry=entry, destination=parse_path(place)))


async def use(work: Work, name: str) -> None:
    """Try everything wherever the granted folder may be, and whatever may be in the trash."""
    for number in range(STEPS):
        place = work.choice.choice(PLACES)
        entry = TrashId(work.choice.randrange(1, 40))
        moved = Move(path=parse_path(f"{place}/{SECRET}"), destination=parse_path(f"{place}/{name} {number}"))
        commands: list[list[Command]] = [
            [store(f"{place}/{name} {number}")],
            [store(f"{place}/{name} {number}"), Discard(path=parse_path(f"{place}/{name} {number}"))],
            [EditTags(path=parse_path(f"{place}/{SECRET}"), add=(name,), most=5)],
            [Discard(path=parse_path(f"{place}/{SECRET}"))],
            [moved],
            [Restore(entry=entry)],
            [Restore(entry=entry, destination=parse_path(f"{place}/{name} {number}"))],
            [Purge(entry=entry)],
            [Purge(entry=None)],
        ]
        await work.attempt(*work.choice.choice(commands))


async def watch(work: Work) -> None:
    """Nothing is seen of the other folders, in whichever moment."""
    for _ in range(STEPS):
        path = parse_path(f"{work.choice.choice(PLACES)}/{SECRET}")
        assert await work.catalogue.find(work.actor, path) is None
        page = await work.catalogue.list_files(work.actor, FileQuery(), 1000)
        assert SECRET not in {file.path.name.text for file in page.items}
        trash = await work.catalogue.list_trash(work.actor, 1000)
        assert {entry.actor for entry in trash.items} <= {"editor", "manager"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@in_reactor
async def test_nothing_but_the_granted_folder_is_changed_and_seen(tmp_path: Path, engine: str, seed: int) -> None:
    open_engine = CATALOGUES[engine]
    async with open_engine(tmp_path, Watch()) as catalogue, open_engine(tmp_path, Watch()) as other:
        trial = Trial(catalogue, Watch())
        granted = (await trial.make_folder(PLACES[0])).folder.id
        guests = {role.value: make_guest((role, granted), name=role.value) for role in (Role.EDITOR, Role.MANAGER)}
        owner = Work(catalogue, make_guest((Role.MANAGER, 1), name="owner"), f"owner {seed}")
        users = [Work(other, guest, f"{name} {seed}") for name, guest in guests.items()]
        watcher = Work(other, guests["editor"], f"watcher {seed}")
        jobs = [own(owner, granted), watch(watcher), *(use(user, user.actor.name) for user in users)]
        await gatherResults([Deferred.fromCoroutine(job) for job in jobs])
        kept = [entry for entry in await trial.trash() if entry.actor == "owner" and entry.node.id != granted]
        async with catalogue.snapshot() as snapshot:
            (tmp_path / "copy").write_bytes(snapshot.content.read())
    with closing(sqlite3.connect(tmp_path / "copy")) as connection:
        chains = connection.execute("SELECT chain FROM change WHERE actor IN ('editor', 'manager')").fetchall()
        discarded = connection.execute(
            "SELECT count(*) FROM change WHERE kind = 'discarded' AND actor = 'owner' AND node != ?", [granted]
        ).fetchone()
    assert all(f"/{granted}/" in chain for (chain,) in chains)
    # Nobody but the owner could have taken these out of the trash, and the owner did not.
    assert len(kept) == discarded[0]
    assert owner.done > 0
    assert all(user.done > 0 and user.refused for user in users)
