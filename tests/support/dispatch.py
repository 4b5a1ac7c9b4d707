"""Delivery of messages without a network: a drive and accounts in memory, a clock that stands, and a post office."""

from __future__ import annotations

import json
from collections.abc import Collection, Coroutine, Mapping
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from cloudsvc.core.actors import OWNER, Actor
from cloudsvc.core.clock import Instant
from cloudsvc.drive.changes import Change, Position
from cloudsvc.drive.following import Feed
from cloudsvc.drive.locating import Locator
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import NodeId
from cloudsvc.identity.authority import Authority
from cloudsvc.identity.errors import folder_unknown
from cloudsvc.identity.grants import Chains
from cloudsvc.identity.resolving import Resolver
from cloudsvc.outbound.addresses import AddressPolicy
from cloudsvc.outbound.posting import Answer
from cloudsvc.outbound.urls import Destinations
from cloudsvc.storage.identity.memory import MemoryIdentity
from cloudsvc.storage.memory_catalogue.catalogue import MemoryCatalogue
from cloudsvc.webhooks.courier import Depot
from cloudsvc.webhooks.delivering import Deliverer
from cloudsvc.webhooks.keeping import WebhookFields, Webhooks
from cloudsvc.webhooks.messages import Event, make_event
from cloudsvc.webhooks.owners import Owners
from cloudsvc.webhooks.places import Places
from cloudsvc.webhooks.sending import Sender
from cloudsvc.webhooks.webhook import Outcome, Webhook
from tests.support.catalogues import Trial, Watch
from tests.support.identity_stores import BEGINNING

T = TypeVar("T")

SECOND = 1_000_000
FINE = Answer(status=200)


@define
class Letter:
    """A message as it was posted."""

    url: str
    fields: Mapping[str, str]
    content: bytes

    @property
    def id(self) -> str:
        return self.fields["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def path(self) -> str:
        """Of what it tells, or its type."""
        told = self.json
        return str(told["data"].get("path", told["type"]))


@define(eq=False)
class PostOffice:
    """
    Posts to nobody, and remembers it.

    :ivar answers: to the next ones; then all is taken.
    :ivar gate: what the next one waits for.
    """

    letters: list[Letter] = field(factory=list)
    answers: list[Answer] = field(factory=list)
    gate: Deferred[None] | None = None

    async def post(self, url: str, fields: Mapping[str, str], content: bytes) -> Answer:
        """See :class:`cloudsvc.webhooks.sending.Posting`."""
        self.letters.append(Letter(url, fields, content))
        if self.gate is not None:
            await self.gate
        return self.answers.pop(0) if self.answers else FINE

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.letters]


@define(eq=False)
class TreeFolders:
    """Folders of a catalogue."""

    trial: Trial

    async def find(self, actor: Actor, path: str) -> int:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        found = await self.trial.catalogue.find(actor, parse_path(path))
        if found is None:
            raise folder_unknown()
        return found.id

    async def locate(self, folders: Collection[int]) -> Chains:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        found = await Locator(self.trial.catalogue).locate([NodeId(each) for each in folders])
        return {folder: location.chain for folder, location in found.items()}

    async def tell_paths(self, actor: Actor, folders: Collection[int]) -> Mapping[int, str]:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        return {}

    async def count_bytes(self, users: Collection[str]) -> Mapping[str, int]:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        return {}


@define(eq=False)
class Dispatch:
    """
    All that delivers.

    :ivar leads: whether this process does.
    :ivar is_trusted: whether the accounts are those that were here before.
    """

    clock: Clock = field(factory=Clock)
    post: PostOffice = field(factory=PostOffice)
    store: MemoryIdentity = field(factory=MemoryIdentity)
    trial: Trial = field(init=False)
    leads: bool = True
    is_trusted: bool = True
    outcomes: list[Outcome] = field(factory=list)
    webhooks: Webhooks = field(init=False)
    deliverer: Deliverer = field(init=False)
    feed: Feed[Event] = field(init=False)

    def __attrs_post_init__(self) -> None:
        watch = Watch()
        self.trial = Trial(MemoryCatalogue(now=watch), watch, OWNER)
        folders: Any = TreeFolders(self.trial)
        sender = Sender(
            posting=self.post, check_url=str, now=self.now, clock=self.clock, agent="test", count=self.outcomes.append
        )
        resolver = Resolver(store=self.store, folders=folders, now=self.now, is_trusted=lambda: self.is_trusted)
        owners = Owners(store=self.store, resolver=resolver, folders=folders, is_trusted=lambda: self.is_trusted)
        self.webhooks = Webhooks(
            store=self.store,
            authority=Authority(store=self.store, folders=folders),
            folders=folders,
            owners=owners,
            changes=self.trial.catalogue,
            sender=sender,
            check_url=Destinations(addresses=AddressPolicy()).check,
            now=self.now,
            settle=_settle,
        )
        self.feed = Feed(source=self.trial.catalogue, render=_render, clock=self.clock)
        self.deliverer = Deliverer(
            store=self.store,
            on_change=self.store.on_change,
            leads=lambda: self.leads,
            depot=Depot(
                feed=self.feed,
                sender=sender,
                notebook=self.store,
                find_actor=owners.find,
                places=Places(),
                clock=self.clock,
                now=self.now,
                draw=lambda: 0.0,
            ),
        )

    def now(self) -> Instant:
        """What the clock on the wall shows."""
        return BEGINNING + int(self.clock.seconds() * SECOND)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns, which waits for nothing."""
        done: list[T] = []
        failed: list[BaseException] = []
        Deferred.fromCoroutine(work).addCallbacks(done.append, lambda failure: failed.append(failure.value))
        if failed:
            raise failed[0]
        [result] = done
        return result

    def make(self, actor: Actor = OWNER, **fields: Any) -> Webhook:
        """A webhook of ``actor``."""
        return self.do(self.webhooks.make(actor, "https://example.org/hooks", WebhookFields(**fields)))

    def read(self, webhook: Webhook) -> Webhook:
        """It as it is now."""
        found = self.do(self.store.find_webhook(webhook.id))
        assert found is not None
        return found

    def put(self, *paths: str) -> None:
        """Store files."""
        for path in paths:
            self.do(self.trial.store(path))

    def work(self, seconds: float = 1.0) -> None:
        """Let so much time pass."""
        steps = max(1, round(seconds * 10)) if seconds <= 30 else 300
        for _ in range(steps):
            self.clock.advance(seconds / steps)
        for _ in range(20):
            self.clock.advance(0.01)


async def _settle() -> None:
    pass


def _render(position: Position, change: Change) -> Event:
    return make_event(position, change, {"id": str(position), "path": str(change.path)})
