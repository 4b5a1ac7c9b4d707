"""A drive moves from any engines to any others and back, or stays where it is, as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import capturedLogs

from cloudsvc.administration.migration import Migrated, Migration
from cloudsvc.administration.migration_journal import Journal
from cloudsvc.administration.progress import SILENCE, Progress
from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.catalogue import Catalogue, PinId, Snapshot
from cloudsvc.drive.commands import SetQuota
from cloudsvc.drive.errors import storage_failed
from cloudsvc.drive.freezing import Freeze
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Instant
from cloudsvc.drive.replacement import Replacement
from cloudsvc.storage.blobs.memory import Shelf
from cloudsvc.storage.opened import OpenedDrive
from tests.support.administration import FILES, damage, fill, find_content, load_all, open_tools, store
from tests.support.blobs import EVER
from tests.support.furnished_drives import describe, furnish
from tests.support.object_stores import run_moto
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor
from tests.support.replacements import BucketPlace, LocalPlace, MemoryPlace, Place, SharedPlace

PAIRS: Final = {
    "local-memory": ("local", "memory"),
    "local-postgresql": ("local", "postgresql"),
    "local-moto": ("local", "moto"),
    "postgresql-moto": ("postgresql", "moto"),
}
"""Each is gone both ways."""


@pytest.fixture(params=PAIRS.values(), ids=[*PAIRS])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Place, Place]]:
    """Two places, one for the drive and one that it moves to."""
    with ExitStack() as stack:

        def make(name: str, directory: Path) -> Place:
            if name == "moto":
                server = stack.enter_context(run_moto(directory))
                return BucketPlace(directory, server, server.choose_prefix())
            kinds: dict[str, Callable[[Path], Place]] = {
                "local": LocalPlace,
                "memory": MemoryPlace,
                "postgresql": SharedPlace,
            }
            return kinds[name](directory)

        former, new = request.param
        yield make(former, tmp_path / "former"), make(new, tmp_path / "new")


async def migrate(
    source: Place, target: Any, journal: Path, progress: Progress = SILENCE, *, hook: Any = None
) -> Migrated:
    """
    Move what is at ``source``.

    :param hook: is given the drive before it moves.
    """
    async with open_tools() as tools, source.open() as drive:
        if hook is not None:
            hook(drive)
        epoch = (await drive.catalogue.find_standing()).epoch
        with Journal.open(journal, epoch) as opened:
            return await Migration(
                source=drive, target=target, journal=opened, clock=tools.clock, progress=progress
            ).run()


async def look(place: Place) -> list[str]:
    async with place.open() as drive:
        return await describe(drive)


async def list_orphans(place: Place) -> list[str]:
    """Blobs in the store that nothing refers to."""
    async with place.open() as drive:
        return [blob async for bundle in drive.blobs.list(EVER) for blob in await drive.catalogue.find_unknown(bundle)]


@in_reactor
async def test_there_and_back_it_is_the_same_drive(places: tuple[Place, Place], tmp_path: Path) -> None:
    former, new = places
    async with former.open() as drive:
        await furnish(drive)
        before, epoch = await describe(drive), (await drive.catalogue.find_standing()).epoch
    migrated = await migrate(former, new, tmp_path / "journal")
    assert not (tmp_path / "journal").exists()
    assert (migrated.stock.blobs, migrated.stock.size) == (migrated.copied.blobs, migrated.copied.size)
    assert migrated.kept is None
    async with new.open() as drive:
        assert await describe(drive) == before
        assert (await drive.catalogue.find_standing()).epoch != epoch
        assert not await drive.catalogue.is_frozen()
        await store(drive, "younger", b"stored after the move")
        after = await describe(drive)
    # The former one can be read, and takes nothing.
    async with former.open() as drive:
        assert (await drive.catalogue.find_standing()).has_moved
        assert (await load_all(drive))["plain.txt"] == b"version 2"
        assert await refusal(store(drive, "a", b"lost")) == "read_only"
    with pytest.raises(OperatorError, match="has moved already; `cloudsvc migrate --reopen`"):
        await migrate(former, new, tmp_path / "journal")
    back = await migrate(new, former, tmp_path / "back")
    # Of what was there still, nothing was copied but what cannot be compared.
    assert back.copied.blobs == 2
    assert await look(former) == after
    async with former.open() as drive:
        await store(drive, "home again", b"home again")
        assert await drive.catalogue.find_miscounts() == []


@define
class Meanwhile:
    """Stores a file at the beginning of each part of the work."""

    drive: OpenedDrive | None = None
    stored: list[Deferred[Any]] = field(factory=list)

    def begin(self, work: str, total: int) -> None:
        assert self.drive is not None
        assert total >= 0
        self.stored.append(Deferred.fromCoroutine(store(self.drive, f"while {work}", work.encode())))

    def advance(self, size: int) -> None:
        assert size >= 0


@in_reactor
async def test_what_is_acknowledged_meanwhile_moves_and_the_rest_is_refused(tmp_path: Path) -> None:
    former, new = LocalPlace(tmp_path / "former"), LocalPlace(tmp_path / "new")
    async with former.open() as drive:
        await fill(drive)
    meanwhile = Meanwhile()
    await migrate(former, new, tmp_path / "journal", meanwhile, hook=lambda drive: setattr(meanwhile, "drive", drive))
    [(is_acknowledged, _), (is_late_one, late)] = await DeferredList(meanwhile.stored, consumeErrors=True)
    assert not is_late_one
    assert late.value.code == "read_only"
    async with former.open() as drive:
        expected = await load_all(drive)
    async with new.open() as drive:
        assert await load_all(drive) == expected
    # On a busy machine it may have taken longer than all the copying.
    assert ("while copying" in expected) == is_acknowledged
    assert "while moving" not in expected


@define
class Settled:
    """A target that somebody begins to use after it was looked at, and before it is opened once more."""

    place: Place
    opened: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedDrive]:
        self.opened += 1
        if self.opened == 2:
            async with self.place.open() as drive:
                await store(drive, "settled", b"acknowledged there")
        async with self.place.open() as drive:
            yield drive

    def replace(self) -> AbstractAsyncContextManager[Replacement]:
        return self.place.replace()


@in_reactor
async def test_what_somebody_stores_at_the_target_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with former.open() as drive:
        await fill(drive)
        before = await describe(drive)
    with pytest.raises(OperatorError, match="holds files"):
        await migrate(former, Settled(new), tmp_path / "journal")
    assert await look(former) == before
    async with former.open() as drive:
        assert (await drive.catalogue.find_standing()).freeze == Freeze()
    async with new.open() as drive:
        assert await load_all(drive) == {"settled": b"acknowledged there"}


@frozen
class Failing:
    """A target at which something fails that is asked for the last time."""

    place: Place
    problem: Callable[[Replacement], AbstractAsyncContextManager[Replacement]]

    def open(self) -> AbstractAsyncContextManager[OpenedDrive]:
        return self.place.open()

    @asynccontextmanager
    async def replace(self) -> AsyncIterator[Replacement]:
        async with self.place.replace() as replacement, self.problem(replacement) as failing:
            yield failing


@asynccontextmanager
async def fail(_: Replacement) -> AsyncIterator[Replacement]:
    raise OperatorError(["the target is in use"])
    yield


@in_reactor
async def test_after_a_failure_the_drive_goes_on_and_the_next_attempt_copies_nothing(tmp_path: Path) -> None:
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with former.open() as drive:
        await furnish(drive)
    with pytest.raises(OperatorError, match="the target is in use"):
        await migrate(former, Failing(new, fail), tmp_path / "journal")
    async with former.open() as drive:
        assert (await drive.catalogue.find_standing()).freeze == Freeze()
        # What is not needed any more when it moves does not stay at the target.
        await store(drive, "younger", b"younger")
        await drive.drive.purge(OWNER, None)
        before = await describe(drive)
    migrated = await migrate(former, new, tmp_path / "journal")
    assert migrated.copied.blobs == 1
    assert await look(new) == before
    assert await list_orphans(new) == []


@in_reactor
async def test_what_cannot_move_stays_as_it_is(tmp_path: Path) -> None:
    former, full = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "full", shelf=Shelf(capacity=10))
    async with former.open() as drive:
        await furnish(drive)
        before = await describe(drive)
    other = LocalPlace(tmp_path / "other")
    async with other.open() as drive:
        await fill(drive, {"other": b"files of somebody"})
    kept = await look(other)
    for target, reason in ((other, "holds files"), (full, "there is room for 10"), (former, "the same catalogue")):
        with pytest.raises(OperatorError, match=reason) as caught:
            await migrate(former, target, tmp_path / "journal")
        assert len(caught.value.lines) == 1
        assert await look(former) == before
    assert await look(other) == kept
    assert await list_orphans(other) == []


@frozen
class Small:
    """A target that may hold only so much."""

    place: Place
    capacity: int

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedDrive]:
        async with self.place.open() as drive:
            yield evolve(drive, limits=evolve(drive.limits, capacity=self.capacity))

    def replace(self) -> AbstractAsyncContextManager[Replacement]:
        return self.place.replace()


@in_reactor
async def test_what_may_hold_less_than_there_is_gets_nothing(tmp_path: Path) -> None:
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with former.open() as drive:
        await fill(drive, {"a": bytes(1000), "b": bytes(500)})
    with pytest.raises(OperatorError, match=r"holds 1,500 bytes, .* only 1,499: .*capacity_gb") as caught:
        await migrate(former, Small(new, 1499), tmp_path / "journal")
    assert len(caught.value.lines) == 1
    assert await list_orphans(new) == []
    await migrate(former, Small(new, 1500), tmp_path / "journal")


@in_reactor
async def test_what_a_target_had_before_is_not_taken_for_what_was_brought(tmp_path: Path) -> None:
    """Whatever is kept aside of the target may need it."""
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with former.open() as drive:
        await furnish(drive)
    await migrate(former, new, tmp_path / "journal")
    with pytest.raises(OperatorError, match="the target is in use"):
        await migrate(new, Failing(former, fail), tmp_path / "back")
    async with new.open() as drive:
        epoch = (await drive.catalogue.find_standing()).epoch
    with Journal.open(tmp_path / "back", epoch) as journal:
        assert [*journal.list_brought()] == []


@in_reactor
async def test_to_go_back_takes_no_room_for_what_is_there_still(tmp_path: Path) -> None:
    former, new = MemoryPlace(tmp_path / "former", shelf=Shelf(capacity=1500)), LocalPlace(tmp_path / "new")
    async with former.open() as drive:
        await fill(drive, {"large": bytes(1000)})
    await migrate(former, new, tmp_path / "journal")
    async with new.open() as drive:
        await fill(drive, {"younger": bytes(400)})
    assert (await migrate(new, former, tmp_path / "back")).copied.size == 400
    async with former.open() as drive:
        assert await load_all(drive) == {"large": bytes(1000), "younger": bytes(400)}


COMPARED: Final = 3
THAWED: Final = 4
CLEARED: Final = 5
"""For which time a target is opened when that is done."""


@define(eq=False)
class Watched:
    """A target at which something happens when it is opened for the so-manieth time, or times."""

    place: Place
    numbers: Container[int]
    happen: Callable[[], Awaitable[object]]
    opened: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedDrive]:
        self.opened += 1
        if self.opened in self.numbers:
            await self.happen()
        async with self.place.open() as drive:
            yield drive

    def replace(self) -> AbstractAsyncContextManager[Replacement]:
        return self.place.replace()


async def break_down() -> None:
    raise OperatorError(["the target is away"])


async def interrupt(running: Deferred[Any]) -> None:
    """Cancel who waits for this, as Ctrl-C does."""
    from twisted.internet import reactor  # noqa: PLC0415 - installed by then

    # Once it waits.
    reactor.callLater(0, running.cancel)
    await Deferred()


@in_reactor
async def test_at_no_time_do_both_take_changes(places: tuple[Place, Place], tmp_path: Path) -> None:
    former, new = places
    async with former.open() as drive:
        await fill(drive)

    tried: list[Instant] = []

    async def use() -> None:
        """As a server does that was started too early."""
        async with new.open() as drive:
            assert (await drive.catalogue.find_standing()).is_arriving
            assert await refusal(store(drive, "early", b"early")) == "read_only"
            tried.append(drive.now())

    await migrate(former, Watched(new, (COMPARED, THAWED), use), tmp_path / "journal")
    assert len(tried) == 2
    async with former.open() as drive:
        assert (await drive.catalogue.find_standing()).has_moved
    async with new.open() as drive:
        await store(drive, "in time", b"in time")


async def arrive(former: Place, new: Place, journal: Path) -> None:
    """Have a drive moved that was interrupted before it left."""
    with pytest.raises(OperatorError, match="the target is away"):
        await migrate(former, Watched(new, [COMPARED], break_down), journal)
    async with former.open() as drive:
        assert (await drive.catalogue.find_standing()).freeze == Freeze()
    async with new.open() as drive:
        assert (await drive.catalogue.find_standing()).is_arriving


@in_reactor
async def test_what_has_not_arrived_is_replaced_by_the_same_drive_only(tmp_path: Path) -> None:
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with former.open() as drive:
        await fill(drive)
    for _ in range(2):
        await arrive(former, new, tmp_path / "journal")
    with pytest.raises(OperatorError, match="about to arrive at this home"):
        await migrate(new, MemoryPlace(tmp_path / "third"), tmp_path / "third journal")
    with pytest.raises(OperatorError, match="another drive is about to arrive"):
        await migrate(MemoryPlace(tmp_path / "other"), new, tmp_path / "other journal")
    async with former.open() as drive:
        await store(drive, "between", b"between")
        before = await describe(drive)
    await migrate(former, new, tmp_path / "journal")
    assert await look(new) == before


@in_reactor
async def test_what_was_changed_where_it_had_not_arrived_is_not_replaced(tmp_path: Path) -> None:
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with former.open() as drive:
        await fill(drive, {"folder/a": b"a"})
    await arrive(former, new, tmp_path / "journal")
    async with new.open() as drive:
        await drive.catalogue.thaw(even_moved=True)
        # That gets no number.
        await drive.catalogue.apply(OWNER, [SetQuota(path=parse_path("folder"), quota=10)])
    with pytest.raises(OperatorError, match="holds files"):
        await migrate(former, new, tmp_path / "journal")


@pytest.mark.parametrize("how", ["it fails", "it is interrupted"])
@in_reactor
async def test_what_has_left_and_has_not_arrived_arrives_with_the_next_attempt(tmp_path: Path, how: str) -> None:
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with former.open() as drive:
        await fill(drive)
        before = await describe(drive)
    running: list[Deferred[Migrated]] = []

    async def happen() -> None:
        if how == "it fails":
            await break_down()
        await interrupt(running[0])

    target = Watched(new, [THAWED], happen)
    running.append(Deferred.fromCoroutine(migrate(former, target, tmp_path / "journal")))
    with pytest.raises(OperatorError, match="has moved, but takes no changes yet at its new home") as caught:
        await running[0]
    assert len(caught.value.lines) == 1
    async with former.open() as drive:
        assert (await drive.catalogue.find_standing()).has_moved
    async with new.open() as drive:
        assert (await drive.catalogue.find_standing()).is_arriving
    migrated = await migrate(former, new, tmp_path / "journal")
    assert (migrated.stock.files, migrated.frozen_seconds) == (len(FILES), None)
    assert await look(new) == before
    async with new.open() as drive:
        await store(drive, "a", b"a")
    assert not (tmp_path / "journal").exists()
    with pytest.raises(OperatorError, match="has moved already"):
        await migrate(former, new, tmp_path / "journal")


@in_reactor
async def test_an_interruption_of_the_clearing_up_is_no_failure(tmp_path: Path) -> None:
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with former.open() as drive:
        await fill(drive)
    running: list[Deferred[Migrated]] = []

    target = Watched(new, [CLEARED], lambda: interrupt(running[0]))
    running.append(Deferred.fromCoroutine(migrate(former, target, tmp_path / "journal")))
    assert (await running[0]).stock.files == len(FILES)
    assert target.opened == CLEARED
    async with new.open() as drive:
        assert await load_all(drive) == FILES


@frozen
class Clinging:
    """A catalogue whose pins cannot be let go of."""

    catalogue: Catalogue

    async def pin(self, until: Instant) -> PinId:
        return await self.catalogue.pin(until)

    async def unpin(self, pin: PinId) -> None:
        raise storage_failed()

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        return self.catalogue.snapshot()


@in_reactor
async def test_what_fails_after_the_drive_has_moved_is_no_failure(tmp_path: Path) -> None:
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with open_tools() as tools, former.open() as drive:
        await fill(drive)
        clinging = evolve(drive, copies=evolve(drive.copies, catalogue=Clinging(drive.catalogue)))
        epoch = (await drive.catalogue.find_standing()).epoch
        with Journal.open(tmp_path / "journal", epoch) as journal, capturedLogs() as logs:
            migrated = await Migration(
                source=clinging, target=new, journal=journal, clock=tools.clock, progress=SILENCE
            ).run()
        assert (await drive.catalogue.find_standing()).has_moved
    assert migrated.stock.files == len(FILES)
    assert len(logs) == 1
    async with new.open() as drive:
        await store(drive, "a", b"a")


@pytest.mark.parametrize("how", ["flipped", "missing"])
@in_reactor
async def test_a_damaged_file_is_named_and_nothing_moves(tmp_path: Path, how: str) -> None:
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with former.open() as drive:
        await fill(drive, {"whole": b"whole", "folder/damaged": b"damaged"})
    damage(find_content(former.directory, b"damaged"), how)
    with pytest.raises(OperatorError, match=r"'folder/damaged' would be lost: `cloudsvc verify` names"):
        await migrate(former, new, tmp_path / "journal")
    async with former.open() as drive:
        assert (await drive.catalogue.find_standing()).freeze == Freeze()
        await drive.drive.discard(OWNER, parse_path("folder/damaged"))
        await drive.drive.purge(OWNER, None)
        await drive.collection.collect()
    await migrate(former, new, tmp_path / "journal")
    async with new.open() as drive:
        assert await load_all(drive) == {"whole": b"whole"}


@in_reactor
async def test_where_the_store_fails_nobody_is_told_to_purge_what_may_be_whole(tmp_path: Path) -> None:
    former, new = LocalPlace(tmp_path / "former"), MemoryPlace(tmp_path / "new")
    async with former.open() as drive:
        await fill(drive, {"a": b"cannot be opened"})
    file = find_content(former.directory, b"cannot be opened")
    file.unlink()
    file.symlink_to(file)
    with capturedLogs(), pytest.raises(OperatorError, match="'a' would be lost: see that the store works") as caught:
        await migrate(former, new, tmp_path / "journal")
    assert "purge" not in str(caught.value)
