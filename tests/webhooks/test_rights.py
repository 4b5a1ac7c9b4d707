"""Couriers tell a webhook what its owner may see at that moment, however that comes to change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from cloudsvc.core.actors import OWNER, Role
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Move, Restore
from cloudsvc.drive.following import Feed
from cloudsvc.drive.names import parse_path
from cloudsvc.identity.directory import UserFields
from cloudsvc.storage.memory_catalogue import Memory, MemoryCatalogue
from cloudsvc.webhooks.courier import IDLE_SECONDS, PAUSE_SECONDS, Courier, Depot
from cloudsvc.webhooks.messages import make_event
from cloudsvc.webhooks.owners import Owners
from cloudsvc.webhooks.places import Places
from cloudsvc.webhooks.sending import Sender
from tests.support.accounts import SECOND, Office
from tests.support.catalogues import TESTER, Trial, Watch
from tests.support.coroutines import finish
from tests.support.dispatch import PostOffice, TreeFolders
from tests.support.identity_stores import BEGINNING
from tests.support.webhooks import make_webhook


@define(eq=False)
class Town:
    """A drive and accounts in memory, and one courier."""

    clock: Clock = field(factory=Clock)
    trial: Trial = field(init=False)
    office: Office = field(init=False)
    post: PostOffice = field(factory=PostOffice)
    places: Places = field(factory=lambda: Places(most=1))
    work: Deferred[bool] | None = None

    def __attrs_post_init__(self) -> None:
        watch = Watch()
        self.trial = Trial(MemoryCatalogue(now=watch, memory=Memory()), watch, TESTER)
        self.office = Office(folders=cast(Any, TreeFolders(self.trial)))

    def make_folder(self, path: str) -> int:
        return int(finish(self.trial.make_folder(path)).folder.id)

    def store(self, path: str) -> None:
        finish(self.trial.store(path))

    def follow(self, **fields: object) -> None:
        """Have a courier go its way for a new webhook, which is told what happens from now on."""
        webhook = finish(self.office.store.add_webhook(make_webhook(**fields)))
        office, clock = self.office, self.clock
        owners = Owners(store=office.store, resolver=office.resolver, folders=office.folders)
        depot = Depot(
            feed=Feed(
                source=self.trial.catalogue,
                render=lambda position, change: make_event(position, change, {"path": str(change.path)}),
                clock=clock,
            ),
            sender=Sender(posting=self.post, check_url=str, now=lambda: office.now, clock=clock, agent="test"),
            notebook=office.store,
            find_actor=owners.find,
            places=self.places,
            clock=clock,
            now=lambda: office.now,
            draw=lambda: 0.0,
        )
        self.work = Deferred.fromCoroutine(Courier(depot, webhook).run())
        self.work.addErrback(lambda failure: failure.trap(CancelledError))
        # Where it begins is not where this drive is: that it is told, first of all.
        self.pass_time()
        self.post.letters.clear()

    def take(self) -> list[str]:
        """The paths that were told since."""
        told = self.post.paths
        self.post.letters.clear()
        return told

    def pass_time(self, seconds: float = IDLE_SECONDS + PAUSE_SECONDS) -> None:
        """Let so many seconds pass, in steps in which whatever is due is done."""
        self.clock.pump([0.5] * int(2 * seconds))


@pytest.fixture
def town() -> Iterator[Town]:
    town = Town()
    yield town
    if town.work is not None:
        town.work.cancel()


def add_reader(town: Town, *paths: str) -> str:
    """A user who may read what is at ``paths``; their id."""
    roles = [(path, Role.VIEWER) for path in paths]
    return finish(town.office.add_user("anna", *roles, scopes=("files:read", "webhooks:write"))).id


async def hold(places: Places, gate: Deferred[None]) -> None:
    """Have a place of somebody else's until ``gate`` opens."""
    async with places.take("boris"):
        await gate


def test_a_folder_that_was_moved_away_is_told_of_no_more(town: Town) -> None:
    town.make_folder("hers")
    inside = town.make_folder("hers/inside")
    town.make_folder("others")
    town.follow(maker="anna", user=add_reader(town, "hers"), folder=inside)
    town.store("hers/inside/a")
    town.pass_time()
    assert town.take() == ["hers/inside/a"]
    finish(town.trial.do(Move(path=parse_path("hers/inside"), destination=parse_path("others/inside"))))
    town.store("others/inside/secret")
    town.pass_time()
    assert town.take() == []


def test_a_key_that_has_expired_is_told_nothing_more(town: Town) -> None:
    town.make_folder("hers")
    user = add_reader(town, "hers")
    expires = BEGINNING + 60 * SECOND
    key = finish(town.office.issue("anna", scopes=("files:read",), expires_at=expires)).key
    town.follow(maker="anna", user=user, key=key.id)
    town.store("hers/a")
    town.pass_time()
    assert town.take() == ["hers/a"]
    town.office.now = expires
    town.store("hers/b")
    town.pass_time()
    assert town.take() == []


def test_a_folder_that_comes_back_from_the_trash_is_told_of(town: Town) -> None:
    town.make_folder("one")
    town.make_folder("two")
    user = add_reader(town, "one", "two")
    thrown = finish(town.trial.discard("two"))
    town.follow(maker="anna", user=user)
    town.store("one/a")
    town.pass_time()
    assert town.take() == ["one/a"]
    finish(town.trial.do(Restore(entry=thrown.id)))
    town.store("two/b")
    town.pass_time()
    assert "two/b" in town.take()


def test_what_is_passed_over_hides_nothing_of_a_folder_that_comes_back(town: Town) -> None:
    town.make_folder("one")
    town.make_folder("two")
    user = add_reader(town, "one", "two")
    thrown = finish(town.trial.discard("two"))
    town.store("one/a")
    town.follow(maker="anna", user=user, kinds=frozenset({ChangeKind.CREATED}))
    finish(town.trial.do(Restore(entry=thrown.id)))
    town.store("two/b")
    finish(town.trial.discard("one/a"))
    town.pass_time()
    assert "two/b" in town.take()


def test_who_lost_a_folder_while_a_message_waited_for_its_place_is_not_sent_it(town: Town) -> None:
    town.make_folder("hers")
    town.follow(maker="anna", user=add_reader(town, "hers"))
    gate: Deferred[None] = Deferred()
    other = Deferred.fromCoroutine(hold(town.places, gate))
    town.store("hers/a")
    town.pass_time()
    finish(town.office.directory.edit_user(OWNER, "anna", UserFields(disabled=True)))
    gate.callback(None)
    assert other.called
    town.pass_time()
    assert town.take() == []
    finish(town.office.directory.edit_user(OWNER, "anna", UserFields(disabled=False)))
    town.pass_time()
    assert town.take() == ["hers/a"]
