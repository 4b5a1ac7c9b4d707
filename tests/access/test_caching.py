"""Credential cache: a look-up is remembered for a second, and forgotten when somebody says so."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from cloudsvc.access.caching import LONGEST, CredentialCache
from cloudsvc.core.actors import Actor, Principal
from cloudsvc.core.errors import CloudError, Kind


@define(eq=False)
class Store:
    """Knows who holds what, and answers when the test says so."""

    valid: set[bytes] = field(factory=lambda: {b"guest"})
    asked: list[bytes] = field(factory=list)
    pending: list[Deferred[Any]] = field(factory=list)

    async def look_up(self, credential: bytes) -> Principal | None:
        self.asked.append(credential)
        answer = Deferred[None]()
        self.pending.append(answer)
        valid = credential in self.valid
        await answer
        actor = Actor(name=credential.decode(), scopes=frozenset())
        return Principal(actor=actor, via="ticket") if valid else None


@define(eq=False)
class Case:
    store: Store = field(factory=Store)
    clock: Clock = field(factory=Clock)
    cache: CredentialCache = field(init=False)

    @cache.default
    def _make(self) -> CredentialCache:
        return CredentialCache(self.store.look_up, self.clock.seconds, most_kept=2, most_pending=3)

    def begin(self, credential: bytes = b"guest") -> list[Any]:
        """Ask; the answer, or the exception, is in the list when it is known."""
        found: list[Any] = []
        asked = self.cache.identify(credential)

        async def wait(awaited: Awaitable[Principal | None]) -> None:
            try:
                found.append(await awaited)
            except Exception as problem:  # noqa: BLE001  # tests look at whatever it is
                found.append(problem)

        if isinstance(asked, Awaitable):
            Deferred.fromCoroutine(wait(asked))
        else:
            found.append(asked)
        return found

    def ask(self, credential: bytes = b"guest") -> str | None:
        """The name of whoever it is, after a look-up if there is one."""
        found = self.begin(credential)
        for waiting in self.store.pending:
            waiting.callback(None)
        self.store.pending.clear()
        (principal,) = found
        return None if principal is None else str(principal.actor.name)


@pytest.fixture
def case() -> Case:
    return Case()


def test_who_is_known_is_said_at_once_and_looked_up_no_more(case: Case) -> None:
    assert [case.ask() for _ in range(5)] == ["guest"] * 5
    assert case.store.asked == [b"guest"]
    assert isinstance(case.cache.identify(b"guest"), Principal), "no Deferred, no coroutine"


def test_what_is_revoked_is_refused_a_second_later(case: Case) -> None:
    assert case.ask() == "guest"
    case.store.valid.clear()
    case.clock.advance(LONGEST)
    assert case.ask() is None
    assert LONGEST <= 1


def test_use_does_not_prolong_the_second(case: Case) -> None:
    assert case.ask() == "guest"
    case.store.valid.clear()
    for _ in range(3):
        case.clock.advance(LONGEST / 4)
        assert case.ask() == "guest"
    case.clock.advance(LONGEST / 4)
    assert case.ask() is None


def test_the_second_begins_with_the_look_up_and_not_with_its_answer(case: Case) -> None:
    found = case.begin()
    case.store.valid.clear()
    case.clock.advance(LONGEST)
    case.store.pending.pop().callback(None)
    assert len(found) == 1
    assert case.ask() is None


def test_what_is_forgotten_is_looked_up_again_at_once(case: Case) -> None:
    assert case.ask() == "guest"
    case.store.valid.clear()
    case.cache.forget()
    assert case.ask() is None


def test_a_look_up_that_was_under_way_when_it_was_forgotten_is_not_kept(case: Case) -> None:
    case.begin()
    case.store.valid.clear()
    case.cache.forget()
    case.store.pending.pop().callback(None)
    assert case.ask() is None


def test_nobody_is_not_kept_so_a_new_credential_is_good_at_once(case: Case) -> None:
    assert case.ask(b"new") is None
    case.store.valid.add(b"new")
    assert case.ask(b"new") == "new"


def test_it_keeps_no_more_than_it_may_and_those_in_use(case: Case) -> None:
    case.store.valid = {b"a", b"b", b"c"}
    for name in (b"a", b"b", b"a", b"c", b"a"):
        case.ask(name)
    assert case.store.asked == [b"a", b"b", b"c"]
    case.ask(b"b")
    assert case.store.asked[-1] == b"b"


def test_no_more_look_ups_wait_than_there_may(case: Case) -> None:
    waiting = [case.begin(b"%d" % number) for number in range(3)]
    (refused,) = case.begin(b"another")
    assert isinstance(refused, CloudError)
    assert refused.kind is Kind.UNAVAILABLE
    case.store.pending.pop().callback(None)
    assert waiting[-1] == [None]
    assert case.begin(b"another") == [], "there is room again"


def test_a_failed_look_up_raises_and_gives_its_place_back(case: Case) -> None:
    for _ in range(5):
        found = case.begin()
        case.store.pending.pop().errback(ConnectionError("the store is gone"))
        assert isinstance(found.pop(), ConnectionError)
    assert case.ask() == "guest"
