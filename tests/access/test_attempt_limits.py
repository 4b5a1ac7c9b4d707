"""Attempt limits: of one client so many keys are judged, and whoever has the right one gets in all the same."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from cloudsvc.access.throttling import (
    AttemptLimits,
    Decision,
    FixedWindowStore,
    MovingWindowStore,
    StoreUnavailable,
    Throttle,
)
from cloudsvc.core.clock import WallClock
from cloudsvc.core.rates import Rate, parse_rate
from tests.support.coroutines import finish

RIGHT = -1
START = 1_767_225_600.0


@define
class Case:
    """Attempts, and the time they live in."""

    attempts: AttemptLimits
    clock: Clock
    guesses: count[int] = field(factory=count)

    def ask(self, key: int, client: str = "a") -> Decision | None:
        if SPARES_LOOK_UPS and (refused := self.attempts.refuse_unseen(client, hash((client, key)))) is not None:
            return refused
        return finish(self.attempts.admit(client, hash((client, key)), valid=key == RIGHT))

    def guess(self, times: int, client: str = "a") -> int:
        """How many of so many new wrong keys are judged."""
        return sum(self.ask(next(self.guesses), client) is None for _ in range(times))

    def wait(self, decision: Decision | None) -> None:
        assert decision is not None
        self.clock.advance(max(0.0, decision.reset_at - self.clock.seconds()))


def make(
    rate: str = "10/minute", store: type[FixedWindowStore | MovingWindowStore] = FixedWindowStore, **bounds: Any
) -> Case:
    clock = Clock()
    clock.advance(START)
    throttle = Throttle(store(clock.seconds), {"failure": parse_rate(rate)}, "allow")
    return Case(AttemptLimits(throttle, clock.seconds, **bounds), clock)


SPARES_LOOK_UPS = False
"""Whether keys are refused without a look-up, where one would change nothing."""


@pytest.fixture(params=[False, True], ids=["known", "looked-up"], autouse=True)
def _spare_look_ups(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All holds for keys that have to be looked up as for those that are known."""
    monkeypatch.setattr(f"{__name__}.SPARES_LOOK_UPS", request.param)


either = pytest.mark.parametrize("store", [FixedWindowStore, MovingWindowStore])


@either
def test_right_keys_count_for_nothing_while_there_are_few_wrong_ones(store: type[FixedWindowStore]) -> None:
    case = make(store=store)
    assert case.guess(9) == 9
    assert [case.ask(RIGHT) for _ in range(1000)] == [None] * 1000
    assert case.guess(1) == 1
    assert case.ask(RIGHT) is not None


@either
def test_no_more_keys_are_judged_than_the_rate_allows(store: type[FixedWindowStore]) -> None:
    """Not even of one who tries every key a second time."""
    case = make(store=store)
    judged, keys = 0, list[int]()
    for _ in range(200):  # ten minutes
        new = [next(case.guesses) for _ in range(15)]
        keys += new
        judged += sum(case.ask(key) is None for key in new + keys[-60:-15])
        case.clock.advance(3)
    assert judged <= 10 * 11


@either
@pytest.mark.parametrize("rate", ["10/minute", "1/minute", "2/minute", "3/hour", "5000/minute"])
def test_the_right_key_gets_in_from_behind_the_address_of_a_guesser(store: type[FixedWindowStore], rate: str) -> None:
    """He takes every place as soon as there is one."""
    case = make(rate, store)
    case.guess(6000)
    refused = 0
    while (decision := case.ask(RIGHT)) is not None:
        refused += 1
        assert refused < 4
        step = (decision.reset_at - case.clock.seconds()) / 20
        for _ in range(20):
            case.clock.advance(step)
            case.guess(300)
        case.clock.advance(0.001)
        case.guess(20)
    assert refused > 0


def test_one_who_got_in_gets_in_again_meanwhile() -> None:
    """As often as there are places for keys that come back."""
    case = make()
    case.guess(50)
    case.wait(case.ask(RIGHT))
    case.guess(50)
    assert [case.ask(RIGHT) for _ in range(5)] == [None] * 5
    assert case.ask(RIGHT) is not None


def test_a_wrong_key_that_is_repeated_does_not_take_the_places_of_others() -> None:
    case = make()
    case.guess(11)
    for _ in range(300):
        case.clock.advance(1)
        case.ask(next(case.guesses))
        case.ask(12345)
    decision = case.ask(RIGHT)
    if decision is not None:
        case.wait(decision)
        assert case.ask(RIGHT) is None


@pytest.mark.parametrize("number", [10, 20])
def test_wrong_keys_that_come_back_in_turns_do_not_take_the_places_of_others_for_ever(number: int) -> None:
    case = make()
    for _ in range(600):  # ten minutes
        case.clock.advance(1)
        for key in range(number):
            case.ask(key)
    decision = case.ask(RIGHT)
    if decision is not None:
        case.wait(decision)
        for key in range(number):
            case.ask(key)
        assert case.ask(RIGHT) is None


def test_a_wrong_key_that_came_back_waits_for_a_whole_window_again() -> None:
    """Or it would take the places of all others that come back."""
    case = make()
    case.guess(50)
    wrong = next(case.guesses)
    case.wait(case.ask(wrong))
    case.guess(50)
    assert case.ask(wrong) is None
    assert [case.ask(wrong) is None for _ in range(4)] == [False] * 4


@either
def test_the_wait_that_is_told_is_enough(store: type[FixedWindowStore]) -> None:
    case = make(store=store)
    case.guess(50)
    decision = case.ask(RIGHT)
    assert decision is not None
    assert (decision.limit, decision.remaining) == (10, 0)
    assert case.clock.seconds() + 1 <= decision.reset_at <= case.clock.seconds() + 60
    case.wait(decision)
    assert case.ask(RIGHT) is None


def test_one_who_does_not_wait_does_not_lengthen_it() -> None:
    case = make()
    case.guess(10)
    for _ in range(59):
        assert case.ask(RIGHT) is not None
        case.clock.advance(1)
    case.clock.advance(1)
    assert [case.ask(RIGHT) for _ in range(100)] == [None] * 100


def test_other_clients_go_on() -> None:
    case = make()
    case.guess(50)
    assert case.ask(RIGHT, "b") is None
    assert case.guess(20, "b") == 10


def test_a_clock_that_is_set_back_keeps_nobody_out() -> None:
    case = make()
    case.guess(50)
    case.clock.rightNow -= 86_400
    assert case.ask(RIGHT) is None


def test_who_is_forgotten_first_has_been_quiet_for_longest() -> None:
    """A guesser does not get away by letting others come."""
    case = make(most_clients=2)
    case.guess(50, "a")
    case.guess(1, "b")
    case.guess(1, "a")
    case.guess(1, "c")
    assert case.ask(RIGHT, "a") is not None


def test_what_is_remembered_is_bounded() -> None:
    case = make(most_clients=10, most_refused=20)
    for n in range(100):
        case.guess(15, f"client {n}")
    assert len(case.attempts._clients) == 10
    assert len(case.attempts._refused) + len(case.attempts._refused_before) <= 40


@define
class Slow:
    """A storage that answers when it is told to, or not at all."""

    now: WallClock
    away: bool = False
    asked: list[Deferred[None]] = field(factory=list)
    store: FixedWindowStore = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.store = FixedWindowStore(self.now)

    async def hit(self, rate: Rate, *key: str) -> Decision:
        if self.away:
            raise StoreUnavailable
        pending = Deferred[None]()
        self.asked.append(pending)
        await pending
        return await self.store.hit(rate, *key)

    def peek(self, rate: Rate, *key: str) -> Decision | None:
        """Nothing: asking takes a while."""

    async def check(self) -> None:
        """It is there."""

    async def close(self) -> None:
        """Nothing is held."""


def test_many_keys_at_once_are_no_way_around_the_count() -> None:
    """The right key is among them: its verdict waits for those on the keys before it."""
    clock = Clock()
    clock.advance(START)
    storage = Slow(clock.seconds)
    attempts = AttemptLimits(Throttle(storage, {"failure": parse_rate("10/minute")}, "allow"), clock.seconds)
    outcomes: dict[int, Decision | None] = {}
    for key in (*range(2000), RIGHT, *range(2000, 2020)):
        done = Deferred.fromCoroutine(attempts.admit("a", key, valid=key == RIGHT))
        done.addCallback(partial(outcomes.__setitem__, key))
    while storage.asked:
        storage.asked.pop(0).callback(None)
    assert len(outcomes) == 2021
    assert {key for key, refused in outcomes.items() if refused is None} == set(range(10))


@pytest.mark.parametrize("on_failure", ["allow", "refuse"])
def test_while_the_storage_is_away_the_server_counts_alone(on_failure: str) -> None:
    clock = Clock()
    clock.advance(START)
    storage = Slow(clock.seconds, away=True)
    throttle = Throttle(storage, {"failure": parse_rate("10/minute")}, on_failure)  # type: ignore[arg-type]  # one of two
    case = Case(AttemptLimits(throttle, clock.seconds), clock)
    assert case.guess(100) == 10
    assert case.ask(RIGHT) is not None


def test_beyond_the_rate_no_new_key_has_to_be_looked_up() -> None:
    case = make("2/minute")
    assert case.attempts.refuse_unseen("a", 7) is None, "so far nothing speaks against it"
    assert case.guess(2) == 2
    first = case.attempts.refuse_unseen("a", 7)
    assert first is not None
    assert case.attempts.refuse_unseen("b", 7) is None
    case.wait(first)
    assert case.attempts.refuse_unseen("a", 7) is None, "it has come back, and is evaluated"
