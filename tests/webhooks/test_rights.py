"""Couriers tell a webhook what its owner may see at that moment, however that comes to change."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

import pytest
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.task import Clock

from cloudsvc.core.actors import OWNER, Actor, Role
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Move, Restore
from cloudsvc.drive.following import Feed
from cloudsvc.drive.locating import Locator
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import NodeId
from cloudsvc.identity.directory import UserFields
from cloudsvc.identity.grants import Chains
from cloudsvc.outbound.posting import Answer
from cloudsvc.storage.memory_catalogue import Memory, MemoryCatalogue
from cloudsvc.webhooks.courier import IDLE_SECONDS, PAUSE_SECONDS, Courier, Depot
from cloudsvc.webhooks.messages import make_event
from cloudsvc.webhooks.owners import Owners
from cloudsvc.webhooks.sending import Sender
from tests.support.accounts import SECOND, Office
from tests.support.catalogues import TESTER, Trial, Watch
from tests.support.coroutines import finish
from tests.support.identity_stores import BEGINNING
from tests.support.webhooks import make_webhook


@define
class CatalogueFolders:
    """The folders of a catalogue, as :class:`cloudsvc.identity.folders.Folders` has them."""

    trial: Trial

    async def find(self, actor: Actor, path: str) -> int:
        found = await self.trial.catalogue.find(actor, parse_path(path))
        assert found is not None
        return found.id

    async def locate(self, folders: Collection[int]) -> Chains:
        found = await Locator(self.trial.catalogue).locate([NodeId(each) for each in folders])
        return {folder: location.chain for folder, location in found.items()}

    async def tell_paths(self, actor: Actor, folders: Collection[int]) -> Mapping[int, str]:
        return {}

    async def count_bytes(self, users: Collection[str]) -> Mapping[str, int]:
        return dict.fromkeys(users, 0)


@define(eq=False)
class Mailbox:
    """What a receiver has got."""

    contents: list[bytes] = field(factory=list)

    async def post(self, url: str, fields: Mapping[str, str], content: bytes) -> Answer:
        self.contents.append(content)
        return Answer(status=204)

    def take(self) -> list[str]:
        """The paths of which it was told since."""
        found, self.contents = self.contents, []
        return [json.loads(each)["data"] for each in found]


@define(eq=False)
class Town:
    """A drive and accounts in memory, and one courier."""

    clock: Clock = field(factory=Clock)
    trial: Trial = field(init=False)
    office: Office = field(init=False)
    mailbox: Mailbox = field(factory=Mailbox)
    places: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(1))
    work: Deferred[bool] | None = None

    def __attrs_post_init__(self) -> None:
        watch = Watch()
        self.trial = Trial(MemoryCatalogue(now=watch, memory=Memory()), watch, TESTER)
        self.office = Office(folders=CatalogueFolders(self.trial))  # type: ignore[arg-type]  # one like it

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
                render=lambda position, change: make_event(position, change, str(change.path)),
                clock=clock,
            ),
            sender=Sender(posting=self.mailbox, check_url=str, now=lambda: office.now, clock=clock, agent="test"),
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
        self.mailbox.contents.clear()

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


def test_a_folder_that_was_moved_away_is_told_of_no_more(town: Town) -> None:
    town.make_folder("hers")
    inside = town.make_folder("hers/inside")
    town.make_folder("others")
    town.follow(maker="anna", user=add_reader(town, "hers"), folder=inside)
    town.store("hers/inside/a")
    town.pass_time()
    assert town.mailbox.take() == ["hers/inside/a"]
    finish(town.trial.do(Move(path=parse_path("hers/inside"), destination=parse_path("others/inside"))))
    town.store("others/inside/secret")
    town.pass_time()
    assert town.mailbox.take() == []


def test_a_key_that_has_expired_is_told_nothing_more(town: Town) -> None:
    town.make_folder("hers")
    user = add_reader(town, "hers")
    expires = BEGINNING + 60 * SECOND
    key = finish(town.office.issue("anna", scopes=("files:read",), expires_at=expires)).key
    town.follow(maker="anna", user=user, key=key.id)
    town.store("hers/a")
    town.pass_time()
    assert town.mailbox.take() == ["hers/a"]
    town.office.now = expires
    town.store("hers/b")
    town.pass_time()
    assert town.mailbox.take() == []


def test_a_folder_that_comes_back_from_the_trash_is_told_of(town: Town) -> None:
    town.make_folder("one")
    town.make_folder("two")
    user = add_reader(town, "one", "two")
    thrown = finish(town.trial.discard("two"))
    town.follow(maker="anna", user=user)
    town.store("one/a")
    town.pass_time()
    assert town.mailbox.take() == ["one/a"]
    finish(town.trial.do(Restore(entry=thrown.id)))
    town.store("two/b")
    town.pass_time()
    assert "two/b" in town.mailbox.take()


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
    assert "two/b" in town.mailbox.take()


def test_who_lost_a_folder_while_a_message_waited_for_its_place_is_not_sent_it(town: Town) -> None:
    town.make_folder("hers")
    town.follow(maker="anna", user=add_reader(town, "hers"))
    assert town.places.acquire().called
    town.store("hers/a")
    town.pass_time()
    finish(town.office.directory.edit_user(OWNER, "anna", UserFields(disabled=True)))
    town.places.release()
    town.pass_time()
    assert town.mailbox.take() == []
    finish(town.office.directory.edit_user(OWNER, "anna", UserFields(disabled=False)))
    town.pass_time()
    assert town.mailbox.take() == ["hers/a"]
