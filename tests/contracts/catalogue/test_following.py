"""Following of changes, over every catalogue: each follower hears of each change that it sees once and in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import define, evolve, field
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.actors import Actor, Role
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive import followers, following, recent_changes, views
from cloudsvc.drive.changes import Change, Changes, Looked, Position
from cloudsvc.drive.commands import Discard, Move, Restore
from cloudsvc.drive.errors import changes_expired
from cloudsvc.drive.followers import Follower
from cloudsvc.drive.following import Feed
from cloudsvc.drive.freezing import make_epoch
from cloudsvc.drive.names import parse_path
from tests.support.catalogues import TESTER, OpenCatalogue, Trial, Watch
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor
from tests.support.server import PATIENCE


def find_reactor() -> IReactorTime:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    return reactor


@define(eq=False)
class Counting:
    """A catalogue that counts how often it is read, and fails, halts and changes its epoch on demand."""

    trial: Trial
    reads: int = 0
    failures: list[CloudError] = field(factory=list)
    gate: Deferred[None] | None = None
    epoch: str | None = None

    async def read_changes(
        self, actor: Actor, after: int, limit: int, *, epoch: str | None = None, looked: Looked | None = None
    ) -> Changes:
        self.reads += 1
        if self.failures:
            raise self.failures.pop()
        if self.epoch is not None and epoch == self.epoch:
            epoch = None
        elif self.epoch is not None:
            raise changes_expired()
        return self.rename(await self.trial.catalogue.read_changes(actor, after, limit, epoch=epoch, looked=looked))

    async def find_last_change(self, actor: Actor) -> Changes:
        found = await self.trial.catalogue.find_last_change(actor)
        if self.gate is not None:
            await self.gate
        return self.rename(found)

    def rename(self, changes: Changes) -> Changes:
        return changes if self.epoch is None else evolve(changes, epoch=self.epoch)

    def on_change(self, listener):  # type: ignore[no-untyped-def]  # as the catalogue's
        return self.trial.catalogue.on_change(listener)


def tell(position: Position, change: Change) -> str:
    return f"{position.number} {change.kind.value} {change.path}"


@pytest.fixture
def source(trial: Trial) -> Counting:
    return Counting(trial)


@pytest.fixture
def feed(source: Counting) -> Feed[str]:
    return Feed(source=source, render=tell, clock=find_reactor())


async def take(follower: Follower[str], count: int) -> list[str]:
    """The next ``count`` things that a follower is told."""
    found: list[str] = []
    while len(found) < count:
        told = await follower.read(PATIENCE)
        assert told, f"only {found}"
        found += told
    assert len(found) == count
    return found


async def act_as_guest(trial: Trial, path: str) -> Actor:
    folder = await trial.find(path)
    assert folder is not None
    return trial.as_actor((Role.VIEWER, folder.id)).actor


@in_reactor
async def test_whoever_waits_is_told(trial: Trial, feed: Feed[str]) -> None:
    await trial.store("before")
    follower = await feed.follow(TESTER)
    waiting = Deferred.fromCoroutine(take(follower, 3))
    await trial.store("x/a")
    await trial.discard("x/a")
    assert await waiting == ["2 created x", "3 created x/a", "4 discarded x/a"]
    assert follower.position == await feed.locate(TESTER)
    follower.leave()
    assert len(feed) == 0


@in_reactor
async def test_whoever_does_not_wait_is_no_reason_to_read_again(
    trial: Trial, feed: Feed[str], source: Counting
) -> None:
    before = await feed.locate(TESTER)
    await trial.store("a")
    follower = await feed.follow(TESTER, before, is_fresh=True)
    reads = source.reads
    assert await follower.read(0) == ["1 created a"]
    assert (source.reads, len(feed)) == (reads, 0)
    follower.leave()
    assert len(feed) == 0


@in_reactor
async def test_nobody_is_always_told_last(trial: Trial, feed: Feed[str]) -> None:
    following = [await feed.follow(TESTER) for _ in range(3)]
    told: list[int] = []

    async def note(number: int) -> None:
        await take(following[number], 1)
        told.append(number)

    for name in "abc":
        waiting = [Deferred.fromCoroutine(note(number)) for number in range(3)]
        await trial.store(name)
        await gatherResults(waiting)
    assert told == [0, 1, 2, 2, 1, 0, 0, 1, 2]
    for each in following:
        each.leave()


@in_reactor
async def test_whoever_comes_again_goes_on_where_it_was(trial: Trial, feed: Feed[str]) -> None:
    first = await feed.follow(TESTER)
    await trial.store("a")
    assert await take(first, 1) == ["1 created a"]
    first.leave()
    for name in "bcd":
        await trial.store(name)
    # Here, and in another process.
    for other in (feed, Feed(source=trial.catalogue, render=tell, clock=find_reactor())):
        again = await other.follow(TESTER, first.position)
        assert await take(again, 3) == ["2 created b", "3 created c", "4 created d"]
        again.leave()


@in_reactor
async def test_many_cost_one_read(trial: Trial, source: Counting, feed: Feed[str]) -> None:
    followers = [await feed.follow(TESTER) for _ in range(50)]
    waiting = [Deferred.fromCoroutine(take(follower, 1)) for follower in followers]
    # Those who have just come are not sure yet that nothing has happened meanwhile.
    await trial.store("first")
    await gatherResults(waiting)
    before = source.reads
    waiting = [Deferred.fromCoroutine(take(follower, 1)) for follower in followers]
    await trial.store("second")
    assert await gatherResults(waiting) == [["2 created second"]] * 50
    assert source.reads - before <= 2
    for follower in followers:
        follower.leave()


@in_reactor
async def test_each_sees_what_is_granted(trial: Trial, feed: Feed[str]) -> None:
    await trial.make_folder("x")
    await trial.make_folder("y")
    guests = [await act_as_guest(trial, path) for path in "xy"]
    followers = [await feed.follow(guest) for guest in guests]
    waiting = [Deferred.fromCoroutine(take(follower, 2)) for follower in followers]
    for path in ("x/a", "y/a", "hidden", "x/b", "y/b"):
        await trial.store(path)
    assert await gatherResults(waiting) == [["3 created x/a", "6 created x/b"], ["4 created y/a", "7 created y/b"]]
    # Up to where the others have come is not theirs to know.
    assert [(await feed.locate(guest)).number for guest in guests] == [6, 7]
    for follower in followers:
        follower.leave()


@in_reactor
async def test_what_happened_out_of_sight_is_no_reason_to_begin_anew(trial: Trial, feed: Feed[str]) -> None:
    await trial.store("x/a")
    guest = await act_as_guest(trial, "x")
    follower = await feed.follow(guest)
    waiting = Deferred.fromCoroutine(take(follower, 1))
    await trial.store("hidden")
    again = await feed.follow(guest, follower.position)
    await trial.store("x/b")
    assert await waiting == await take(again, 1) == ["4 created x/b"]
    for each in (follower, again):
        each.leave()


@in_reactor
async def test_where_a_granted_folder_is_now_is_told_and_nothing_twice(trial: Trial, feed: Feed[str]) -> None:
    await trial.store("x/a")
    guest = await act_as_guest(trial, "x")
    follower = await feed.follow(guest)
    waiting = Deferred.fromCoroutine(take(follower, 3))
    await trial.store("x/b")
    await trial.do(Move(path=parse_path("x"), destination=parse_path("z")))
    await trial.store("z/c")
    told = await waiting
    assert [each.split()[0] for each in told] == ["3", "4", "5"]
    assert told[-1] == "5 created z/c"
    follower.leave()


@in_reactor
async def test_whoever_sees_nothing_of_it_any_more_begins_anew(trial: Trial, feed: Feed[str]) -> None:
    await trial.store("x/a")
    guest = await act_as_guest(trial, "x")
    follower = await feed.follow(guest)
    ending = Deferred.fromCoroutine(follower.read(PATIENCE))
    thrown = await trial.do(Discard(path=parse_path("x")))
    assert await ending == ()
    assert follower.is_over
    assert await refusal(feed.follow(guest, follower.position)) == "changes_expired"
    start = await feed.locate(guest)
    await trial.do(Restore(entry=thrown.id))
    again = await feed.follow(guest, start)
    assert await take(again, 4) == ["1 created x", "2 created x/a", "3 discarded x", "4 restored x"]
    again.leave()


@in_reactor
async def test_whoever_falls_behind_reads_from_the_catalogue(
    trial: Trial, feed: Feed[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_changes, "KEPT", 3)
    monkeypatch.setattr(following, "PAGE", 4)
    monkeypatch.setattr(followers, "PAGE", 4)
    slow, quick = [await feed.follow(TESTER) for _ in range(2)]
    waiting = Deferred.fromCoroutine(take(quick, 20))
    beginning = Deferred.fromCoroutine(take(slow, 1))
    await trial.store("0")
    assert await beginning == ["1 created 0"]
    for number in range(1, 20):
        await trial.store(str(number))
    expected = [f"{number + 1} created {number}" for number in range(20)]
    assert await waiting == expected
    assert await take(slow, 19) == expected[1:]
    await trial.store("20")
    assert await take(slow, 1) == ["21 created 20"]
    for each in (slow, quick):
        each.leave()


@in_reactor
async def test_so_many_bytes_are_told_at_a_time(
    trial: Trial, source: Counting, feed: Feed[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "PAGE_BYTES", 30)
    await trial.make_folder("x")
    guest = await act_as_guest(trial, "x")
    start, view = await feed.locate(guest), await feed.follow(guest)
    assert await view.read(0) == ()
    for number in range(7):
        await trial.store(f"x/{number}")
    expected = [f"{number + 2} created x/{number}" for number in range(7)]
    # From the catalogue, and from what is kept of it.
    elsewhere = Feed(source=source, render=tell, clock=find_reactor())
    for follower in (view, await elsewhere.follow(guest, start)):
        pages = [await follower.read(PATIENCE) for _ in range(4)]
        assert [len(page) for page in pages] == [2, 2, 2, 1]
        assert [each for page in pages for each in page] == expected
        follower.leave()


@in_reactor
async def test_whoever_comes_back_to_a_view_that_is_opened_anew_misses_nothing(
    trial: Trial, source: Counting, feed: Feed[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "IDLE_VIEWS", 1)
    await trial.make_folder("x")
    guest = await act_as_guest(trial, "x")
    follower = await feed.follow(guest)
    await feed.follow(TESTER)  # for which the view of the guest, whom nobody has seen wait, is forgotten
    source.gate = gate = Deferred[None]()
    opening = Deferred.fromCoroutine(feed.follow(guest))
    assert await follower.read(0) == ()
    gate.callback(None)
    other = await opening
    waiting = [Deferred.fromCoroutine(take(each, 1)) for each in (follower, other)]
    await trial.store("x/a")
    assert await gatherResults(waiting) == [["2 created x/a"]] * 2
    for each in (follower, other):
        each.leave()


@in_reactor
async def test_what_nobody_waited_for_is_not_read(
    trial: Trial, source: Counting, feed: Feed[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PAGE", 3)
    start = await feed.locate(TESTER)
    for number in range(20):
        await trial.store(str(number))
    before = source.reads
    assert (await feed.locate(TESTER)).number == start.number + 20
    assert source.reads - before == 1
    follower = await feed.follow(TESTER, start)
    assert await take(follower, 20) == [f"{number + 1} created {number}" for number in range(20)]
    follower.leave()


@in_reactor
async def test_whoever_knows_a_newer_history_ends_the_older_one(
    trial: Trial, source: Counting, feed: Feed[str]
) -> None:
    await trial.store("a")
    older = await feed.follow(TESTER)
    ending = Deferred.fromCoroutine(older.read(PATIENCE))
    source.epoch = make_epoch()
    newer = await feed.follow(TESTER, Position(epoch=source.epoch, number=0))
    assert await take(newer, 1) == ["1 created a"]
    assert await ending == ()
    assert older.is_over
    newer.leave()


@in_reactor
async def test_positions_of_elsewhere_and_of_long_ago_are_gone(trial: Trial, feed: Feed[str]) -> None:
    await trial.store("a")
    start = await feed.locate(TESTER)
    await trial.store("b")
    await trial.expire(changes_before=trial.watch.pass_seconds(1))
    for position in (
        start,
        Position(epoch=make_epoch(), number=start.number),
        Position(epoch=start.epoch, number=99),
    ):
        with pytest.raises(CloudError) as caught:
            await feed.follow(TESTER, position)
        assert (caught.value.kind, caught.value.code) == (Kind.GONE, "changes_expired")


@in_reactor
async def test_a_catalogue_that_fails_for_a_while_ends_nobody(
    trial: Trial, source: Counting, feed: Feed[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_AGAIN_SECONDS", 0.01)
    follower = await feed.follow(TESTER)
    waiting = Deferred.fromCoroutine(take(follower, 1))
    source.failures = [CloudError(Kind.UNAVAILABLE, "storage_failed", "It fails.") for _ in range(5)]
    await trial.store("a")
    assert await waiting == ["1 created a"]
    assert source.failures == []
    follower.leave()


@in_reactor
async def test_the_end_is_told_to_all_at_once(trial: Trial, feed: Feed[str]) -> None:
    follower, idle = [await feed.follow(TESTER) for _ in range(2)]
    ending = Deferred.fromCoroutine(follower.read(PATIENCE))
    feed.close()
    assert await ending == ()
    assert await idle.read(PATIENCE) == ()
    late = await feed.follow(TESTER)
    assert await late.read(PATIENCE) == ()
    assert (follower.is_over, idle.is_over, late.is_over, len(feed)) == (True, True, True, 0)


@in_reactor
async def test_nothing_for_a_while_is_nothing(feed: Feed[str], monkeypatch: pytest.MonkeyPatch) -> None:
    follower = await feed.follow(TESTER)
    assert await follower.read(0) == ()
    assert not follower.is_over
    follower.leave()


@in_reactor
async def test_there_are_so_many_at_most(feed: Feed[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_FOLLOWERS", 1)
    follower = await feed.follow(TESTER)
    reading = Deferred.fromCoroutine(follower.read(PATIENCE))
    assert await refusal(feed.follow(TESTER)) == "too_many_followers"
    follower.end()
    assert await reading == ()
    await feed.follow(TESTER)


@in_reactor
async def test_views_that_nobody_follows_are_few(
    trial: Trial, feed: Feed[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "IDLE_VIEWS", 2)
    actors = [trial.as_actor((Role.VIEWER, 100 + number)).actor for number in range(5)]
    for actor in actors:
        await feed.locate(actor)
    assert len(feed._views) == 2


@in_reactor
async def test_many_writers_many_readers(open_any: OpenCatalogue, tmp_path: Path) -> None:
    """Readers come and go meanwhile; each puts together all that happened, in order, with nothing twice."""
    async with open_any(tmp_path, Watch()) as catalogue:
        trial = Trial(catalogue, Watch())
        feed: Feed[str] = Feed(source=catalogue, render=tell, clock=find_reactor())
        start = await feed.locate(TESTER)

        async def read(stay: int) -> Sequence[str]:
            found: list[str] = []
            position = start
            while len(found) < 120:
                follower = await feed.follow(TESTER, position)
                for _ in range(stay):
                    if len(found) < 120:
                        found += await follower.read(PATIENCE)
                position = follower.position
                follower.leave()
            return found

        reading = [Deferred.fromCoroutine(read(stay)) for stay in (1, 2, 7, 1000)]
        await gatherResults([Deferred.fromCoroutine(trial.store(str(number))) for number in range(120)])
        told = await gatherResults(reading)
        assert [int(each.split()[0]) for each in told[0]] == [*range(1, 121)]
        assert all(each == told[0] for each in told)
