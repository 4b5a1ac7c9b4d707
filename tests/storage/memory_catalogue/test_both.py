"""All catalogues, whatever is done with them: they do the same, refuse the same, and tell everybody the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.testing import MemoryReactorClock

from cloudsvc.core.actors import Actor, Payer, Role
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.commands import (
    Command,
    Copy,
    Discard,
    EditTags,
    MakeFolder,
    Move,
    Purge,
    Restore,
    RestoreVersion,
    SetQuota,
)
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import ROOT_ID, Blob, File, Node, NodeId, TrashId, VersionId
from cloudsvc.drive.pages import FileQuery, Order
from cloudsvc.storage.catalogue import examine
from cloudsvc.storage.catalogue.postgresql.opening import PostgreSQLCatalogue, open_postgresql
from tests.support.actors import make_guest
from tests.support.catalogues import (
    TESTER,
    OpenCatalogue,
    Trial,
    Watch,
    gather,
    make_blob,
    open_memory,
    store,
)
from tests.support.coroutines import finish
from tests.support.furnished_catalogues import open_inline
from tests.support.inline_threads import Inline
from tests.support.postgresql import find_database

GRANTED: Final = "a/b"
PATHS: Final = ("a", GRANTED, "a/b/c", "a/x", "a/b/x", "a/b/c/x", "d", "d/x", "d/b/x")
BLOBS: Final = tuple(make_blob(b"%d" % number * number) for number in range(4))
PAYERS: Final = {"manager": 20, "editor": 6, "uploader": None}
"""Those who have quotas of their own, in bytes."""

ACTORS: Final = ("owner", *(role.value for role in Role))

Step: TypeAlias = tuple[str, str, str, str, int]
"""Who does what with which path, and another path or number."""

KINDS: Final = (
    *("store", "store", "folder", "move", "move", "copy", "discard", "discard", "restore", "restore to", "purge"),
    *("purge all", "tag", "version", "set quota", "end quota", "evict", "evict paid", "expire", "sweep", "two"),
)
STEPS: Final = st.tuples(
    st.sampled_from(["owner", "owner", "owner", *ACTORS]),
    st.sampled_from(KINDS),
    st.sampled_from(PATHS),
    st.sampled_from(PATHS),
    st.integers(0, 3),
)


class Side:
    """One of the catalogues, with the names that it has given to what is there."""

    def __init__(self, trial: Trial, granted: int) -> None:
        self.trial = trial
        self.actors: dict[str, Actor] = {"owner": TESTER} | {role.value: make_guest((role, granted)) for role in Role}
        for name, quota in PAYERS.items():
            self.actors[name] = evolve(self.actors[name], payer=Payer(name=name, quota=quota))

    async def find_entry(self, number: int) -> TrashId:
        entries = await self.trial.trash()
        return entries[number % len(entries)].id if entries else TrashId(10**6)

    async def find_version(self, path: str, number: int) -> VersionId:
        if not isinstance(await self.trial.find(path), File):
            return VersionId(10**6)
        versions = await self.trial.versions(path)
        return VersionId(versions[number % len(versions)].id)

    async def list_owners(self) -> list[NodeId]:
        found = [(str(quota.path), quota.account.owner) for quota in await self.trial.catalogue.list_quotas()]
        return [ROOT_ID, *(owner for _, owner in sorted(found))]

    async def take(self, step: Step) -> Any:
        """What comes of a step: what is told of it, or the code of its refusal."""
        who, what, _, _, number = step
        catalogue = self.trial.catalogue
        if what == "evict":
            owners = await self.list_owners()
            return await catalogue.evict(owners[number % len(owners)])
        if what == "evict paid":
            return await catalogue.evict_paid([*PAYERS][number % len(PAYERS)])
        if what == "expire":
            return await self.trial.expire(versions_before=self.trial.watch.now - number)
        if what == "sweep":
            return sorted(await self.trial.collect())
        try:
            results = await catalogue.apply(self.actors[who], await self.make_commands(step))
        except CloudError as refused:
            return refused.kind, refused.code, refused.message
        return [describe(each) if isinstance(each, Node) else None for each in results]

    async def make_commands(self, step: Step) -> Sequence[Command]:
        """What a step stands for."""
        _, what, first, second, number = step
        path, other = parse_path(first), parse_path(second)
        entry, version = await self.find_entry(number), await self.find_version(first, number)
        commands: dict[str, Sequence[Command]] = {
            "store": [store(first, BLOBS[number], versions_kept=3)],
            "folder": [MakeFolder(path=path)],
            "move": [Move(path=path, destination=other)],
            "copy": [Copy(source=path, destination=other)],
            "discard": [Discard(path=path)],
            "restore": [Restore(entry=entry)],
            "restore to": [Restore(entry=entry, destination=path)],
            "purge": [Purge(entry=entry)],
            "purge all": [Purge(entry=None)],
            "tag": [EditTags(path=path, add=(str(number),), most=2)],
            "version": [RestoreVersion(path=path, version=version, versions_kept=3)],
            "set quota": [SetQuota(path=path, quota=4 * number)],
            "end quota": [SetQuota(path=path, quota=None)],
            "two": [Move(path=path, destination=other), store(first, BLOBS[number])],
        }
        return commands[what]

    async def observe(self) -> dict[str, Any]:
        """All that is told to everybody, without the numbers that each catalogue gives by itself."""
        seen: dict[str, Any] = {}
        for name, actor in self.actors.items():
            trial = evolve(self.trial, actor=actor)
            seen[f"tree of {name}"] = {path: describe(node) for path, node in (await trial.tree()).items()}
            seen[f"trash of {name}"] = [(describe(entry.node), entry.deleted_at) for entry in await trial.trash()]
            seen[f"changes of {name}"] = [
                (change.kind, str(change.path), str(change.source), change.is_folder)
                for change in await trial.changes()
            ]
            for order in (Order.PATH, Order.NAME, Order.SIZE):
                files = await gather(pages(trial, order), 2)
                # Where two are alike, age decides; copies in a folder come to be in no certain order.
                seen[f"files of {name} by {order}"] = sorted(describe(file) for file in files)
            usage = await trial.catalogue.usage(actor)
            seen[f"usage of {name}"] = evolve(usage, catalogue_bytes=0)
        catalogue = self.trial.catalogue
        seen["quotas"] = sorted(
            (str(quota.path), quota.account.quota, quota.account.stored_bytes)
            for quota in await catalogue.list_quotas()
        )
        seen["miscounts"] = await catalogue.find_miscounts()
        seen["paid"] = await catalogue.count_paid_bytes(PAYERS)
        seen["paid, to give up"] = [await catalogue.droppable_paid_bytes(name) for name in PAYERS]
        seen["miscounted payers"] = await catalogue.find_miscounted_payers()
        seen["reclaimable"] = [await catalogue.reclaimable_bytes(), await catalogue.stored_bytes()]
        for number, owner in enumerate(await self.list_owners()):
            seen[f"to give up of {number}"] = [
                await catalogue.evictable_bytes(owner),
                await catalogue.droppable_bytes(owner),
            ]
        return seen


def pages(trial: Trial, order: Order) -> Callable[[int, str | None], Awaitable[Any]]:
    return lambda *page: trial.catalogue.list_files(trial.actor, FileQuery(order=order), *page)


def describe(node: Node) -> tuple[Any, ...]:
    """A node without its numbers."""
    moments = (str(node.path), node.created_at, node.updated_at)
    if not isinstance(node, File):
        return moments
    blob: Blob = node.version.blob
    return (*moments, blob.id, node.tags, node.version.created_at, node.version.modified_at)


@asynccontextmanager
async def open_inline_postgres(directory: Path, watch: Watch) -> AsyncIterator[PostgreSQLCatalogue]:
    """One in PostgreSQL that nobody waits for."""
    catalogue = await open_postgresql(
        find_database(directory),
        work=directory / "work",
        writer=Inline(),
        readers=Inline(),
        now=watch,
        reactor=MemoryReactorClock(),  # type: ignore[arg-type]  # zope knows that it provides both
    )
    try:
        yield catalogue
    finally:
        await catalogue.close()


async def compare(directory: Path, open_engine: OpenCatalogue, steps: Sequence[Step]) -> None:
    watch = Watch()
    async with open_engine(directory, watch) as engine, open_memory(directory, watch) as memory:
        sides = []
        for catalogue in (engine, memory):
            trial = Trial(catalogue, watch)
            granted = (await trial.make_folder(GRANTED)).folder.id
            await trial.do(*(store(path, BLOBS[-1]) for path in ("a/x", "a/b/x", "d/x")))
            sides.append(Side(trial, granted))
        for step in steps:
            watch.pass_seconds(1)
            first, second = [await side.take(step) for side in sides]
            assert second == first, (step, steps)
        told, as_well = [await side.observe() for side in sides]
        assert as_well == told
        for catalogue in (engine, memory):
            async with catalogue.snapshot() as snapshot:
                (directory / "copy").write_bytes(snapshot.content.read())
            examine(directory / "copy")
            (directory / "copy").unlink()


@pytest.mark.slow
@pytest.mark.seconds(600)
@settings(max_examples=100)
@given(st.lists(STEPS, min_size=12, max_size=24))
def test_both_do_and_tell_the_same(steps: list[Step]) -> None:
    with TemporaryDirectory() as directory:
        finish(compare(Path(directory), open_inline, steps))


@pytest.mark.slow
@pytest.mark.seconds(600)
@settings(max_examples=40)
@given(st.lists(STEPS, min_size=12, max_size=24))
def test_so_does_postgresql(steps: list[Step]) -> None:
    with TemporaryDirectory() as directory:
        finish(compare(Path(directory), open_inline_postgres, steps))
