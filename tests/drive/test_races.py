"""Whatever is done to a drive, one after the other or at once, the outcome is one that some order of it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from itertools import permutations
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from twisted.internet.defer import Deferred, gatherResults

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.upload import Upload as OpenUpload
from cloudsvc.storage.local import CATALOGUE_NAME, StorageThreads
from tests.support.blobs import SteppingThreads, take_result
from tests.support.catalogues import read_empty
from tests.support.drive_model.commands import Batch, Copy, Discard, Move, Purge, Restore, Tag
from tests.support.drive_model.model import LIMITS, Binding, Demand, Model, Token, unify
from tests.support.drive_model.operations import (
    Collect,
    Finish,
    Operation,
    Read,
    Upload,
    foretell,
    observe,
    perform,
    require,
)
from tests.support.drive_model.strategies import any_operations, paths, uploads
from tests.support.opened_drives import ENGINES, OpenDrive, open_drive
from tests.support.reactors import in_reactor

pytestmark = pytest.mark.slow

T = TypeVar("T")


@define(eq=False)
class World:
    """A real drive and the model of it."""

    opened: OpenDrive
    model: Model = field(factory=Model)
    binding: Binding = field(factory=dict)

    async def do(self, operation: Operation) -> None:
        """Do one thing, and compare what it results in."""
        expected, after = foretell(operation, self.model)
        actual = await perform(operation, self.opened, self.binding)
        assert unify(expected, actual, self.binding), (operation, expected, actual)
        self.model = after

    async def compare(self) -> None:
        """See that the drive shows what the model holds."""
        expected, actual = self.model.observe(), await observe(self.opened)
        assert unify(expected, actual, self.binding), (expected, actual)

    def start(self, operations: Sequence[Operation]) -> list[Deferred[Any]]:
        """Begin to do several things at once."""
        return [Deferred.fromCoroutine(perform(each, self.opened, self.binding)) for each in operations]

    async def settle(self, operations: Sequence[Operation], results: Sequence[Any]) -> None:
        """Find an order that has these results, and leaves the drive as it is now."""
        shown = await observe(self.opened)
        for order in permutations(range(len(operations))):
            model, binding = self.model, dict(self.binding)
            expected: dict[int, Any] = {}
            for number in order:
                expected[number], model = foretell(operations[number], model)
            if all(unify(expected[number], results[number], binding) for number in order) and unify(
                model.observe(), shown, binding
            ):
                self.model, self.binding = model, binding
                return
        told = "\n".join(f"{operation} -> {result}" for operation, result in zip(operations, results, strict=True))
        raise AssertionError(f"no order of these has these results:\n{told}\nand leaves this:\n{shown}")

    async def check_rest(self) -> None:
        """See that nothing is left but what is referred to."""
        await self.opened.collection.collect()
        page = await self.opened.storage.catalogue.list_blobs(10_000)
        assert await self.opened.list_blobs() == {blob.id for blob in page.items}


@contextmanager
def open_world(threads: SteppingThreads, engine: str = "sqlite") -> Iterator[World]:
    """A drive in an empty directory, gone at the end, whose threads go step by step."""
    with TemporaryDirectory() as directory:
        (FilePath(directory) / CATALOGUE_NAME).write_bytes(read_empty())
        pools = StorageThreads(writer=threads, readers=threads, disk=threads, uploads=threads)
        opening = open_drive(FilePath(directory), LIMITS, threads=pools, engine=engine)
        world = World(threads.do(enter(opening)))
        try:
            yield world
            threads.do(world.check_rest())
        finally:
            threads.do(leave(opening))


async def enter(context: AbstractAsyncContextManager[T]) -> T:
    return await context.__aenter__()


async def leave(context: AbstractAsyncContextManager[Any]) -> None:
    await context.__aexit__(None, None, None)


class OneAfterTheOther(RuleBasedStateMachine):
    """Uploads begin, others act, uploads end; after each step all is as the model has it."""

    def __init__(self) -> None:
        super().__init__()
        self.threads = SteppingThreads()
        self.context = open_world(self.threads)
        self.world = self.context.__enter__()
        # Where others meddle with an upload.
        self.focus: str | None = None
        self.begun: list[tuple[Upload, AbstractAsyncContextManager[OpenUpload], OpenUpload]] = []

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        self.threads.do(self.world.do(data.draw(any_operations(self.world.model, self.focus))))
        self.threads.do(self.world.compare())

    @rule(data=st.data())
    def begin_upload(self, data: st.DataObject) -> None:
        upload = data.draw(uploads(self.world.model))
        self.focus = upload.path
        opened = self.world.opened
        receiving = opened.drive.receive(
            opened.actor,
            parse_path(upload.path),
            length=data.draw(st.sampled_from([len(upload.content), None])),
            replace=upload.replace,
            condition=require(upload.demand, self.world.binding),
        )
        expected, _ = foretell(upload, self.world.model)
        try:
            open_upload = self.threads.do(enter(receiving))
        except CloudError as problem:
            assert expected == ("refused", problem.code)
            return
        assert expected[0] == "done"
        self.threads.do(open_upload.write(upload.content))
        self.begun.append((upload, receiving, open_upload))

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def end_upload(self, data: st.DataObject) -> None:
        upload, receiving, open_upload = self.begun.pop(data.draw(st.integers(0, len(self.begun) - 1)))
        self.threads.do(self.world.do(Finish(upload, open_upload)))
        self.threads.do(leave(receiving))
        self.threads.do(self.world.compare())

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def leave_upload(self, data: st.DataObject) -> None:
        _, receiving, _ = self.begun.pop(data.draw(st.integers(0, len(self.begun) - 1)))
        self.threads.do(leave(receiving))
        self.threads.do(self.world.compare())

    def teardown(self) -> None:
        for _, receiving, _ in self.begun:
            self.threads.do(leave(receiving))
        self.context.__exit__(None, None, None)


OneAfterTheOther.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestOneAfterTheOther = OneAfterTheOther.TestCase


@settings(max_examples=60)
@given(data=st.data())
def test_several_at_once_in_any_schedule(data: st.DataObject) -> None:
    """Threads that go step by step, in an order that is chosen: every interleaving can come, and come again."""
    check_schedule(data, "sqlite")


@settings(max_examples=20)
@given(data=st.data())
def test_several_at_once_in_any_schedule_on_postgresql(data: st.DataObject) -> None:
    check_schedule(data, "postgresql")


def check_schedule(data: st.DataObject, engine: str) -> None:
    threads = SteppingThreads()
    with open_world(threads, engine) as world:
        for _ in range(3):
            for _ in range(data.draw(st.integers(0, 4))):
                threads.do(world.do(data.draw(any_operations(world.model))))
                # What was copied with its folder has versions that nobody has seen, and that may be asked for next.
                threads.do(world.compare())
            focus = data.draw(paths(world.model))
            operations = data.draw(st.lists(any_operations(world.model, focus), min_size=2, max_size=4))
            choices = iter(data.draw(st.lists(st.integers(0, 11), max_size=60)))
            works = world.start(operations)
            while not all(work.called for work in works):
                assert threads.step(next(choices, 0))
            threads.do(world.settle(operations, [take_result(work) for work in works]))


A, B = "a/x", "a/y"
ABSENT = Demand(absent=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda current, _: [Upload(A, b"1"), Upload(A, b"2"), Upload(A, b"3")],
        lambda current, _: [Upload(B, b"1", ABSENT), Upload(B, b"2", ABSENT), Upload(B, b"3", ABSENT)],
        lambda current, _: [Upload(A, b"1", current), Upload(A, b"2", current), Move(A, B, "file", current)],
        lambda current, _: [Upload(A, b"1", current), Move("a", "b"), Upload(A, b"2")],
        lambda current, _: [Upload(A, b"1", current), Discard("a"), Upload(A, b"2", ABSENT)],
        lambda current, _: [Upload(A, b"1"), Discard(A), Collect(), Read(A)],
        lambda current, entry: [Upload("gone", b"gone"), Purge(entry), Collect(), Collect()],
        lambda current, entry: [Upload("gone", b"gone"), Restore(entry), Purge(None), Collect()],
        lambda current, entry: [Restore(entry, A), Upload(A, b"1"), Discard(A, None, current)],
        lambda current, _: [Copy("a", "b"), Upload("b/x", b"1"), Move("a", "c"), Tag(A, ("u",))],
        lambda current, _: [Batch([Move(A, B), Move("b", A)]), Upload(A, b"1", current), Upload("b", b"2", ABSENT)],
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
@in_reactor
async def test_at_once_in_real_threads(
    tmp_path: FilePath, make: Callable[[Demand, Token], list[Operation]], engine: str
) -> None:
    async with open_drive(tmp_path, LIMITS, engine=engine) as opened:
        for number in range(8):
            # All begins anew; what was there is swept away meanwhile.
            world = World(opened)
            clearing: list[Operation] = [Purge(None), *(Discard(name) for name in ("a", "b", "c", "gone")), Purge(None)]
            for operation in clearing:
                await perform(operation, opened, world.binding)
            for operation in (Upload(A, b"%d" % number), Upload(A, b"old"), Upload("b", b"b"), Upload("gone", b"gone")):
                await world.do(operation)
            await world.do(Discard("gone"))
            current = world.model.nodes[A]
            assert current is not None
            operations = make(Demand(tokens=frozenset({current.token})), world.model.trash[0].token)
            results = await gatherResults(world.start(operations))
            await world.settle(operations, results)
        await world.check_rest()
