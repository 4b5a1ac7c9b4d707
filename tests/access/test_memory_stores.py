"""Rate-limit stores in memory: exact at the edges of their windows, bounded, and calm when the clock is set."""

from __future__ import annotations

import tracemalloc
from collections import defaultdict
from collections.abc import Callable
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from cloudsvc.access.throttling import Decision, FixedWindowStore, MovingWindowStore
from cloudsvc.core.rates import Rate, parse_rate
from tests.support.coroutines import finish

Kind: TypeAlias = type[FixedWindowStore] | type[MovingWindowStore]

THREE = parse_rate("3/minute")
ONE = parse_rate("1/minute")

both = pytest.mark.parametrize("kind", [FixedWindowStore, MovingWindowStore])
steps = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ab")), max_size=60)


def hit_at(store: FixedWindowStore | MovingWindowStore, clock: Clock, *moments: float) -> list[bool]:
    """Whether hits at these moments are allowed."""
    allowed = []
    for moment in moments:
        clock.rightNow = moment
        allowed.append(finish(store.hit(THREE, "key")).allowed)
    return allowed


class TestEdges:
    def test_a_fixed_window_begins_with_the_first_hit_and_ends_all_at_once(self) -> None:
        clock = Clock()
        store = FixedWindowStore(clock.seconds)

        assert hit_at(store, clock, 1000, 1059, 1059, 1059.9) == [True, True, True, False]
        assert hit_at(store, clock, 1060, 1060, 1060, 1060) == [True, True, True, False]

    def test_a_moving_window_frees_each_hit_by_itself(self) -> None:
        clock = Clock()
        store = MovingWindowStore(clock.seconds)

        assert hit_at(store, clock, 1000, 1059, 1059, 1059.9) == [True, True, True, False]
        assert hit_at(store, clock, 1060, 1060, 1118.9, 1119, 1119, 1119) == [True, False, False, True, True, False]

    @both
    def test_reset_is_when_the_next_hit_is_allowed(self, kind: Kind) -> None:
        clock = Clock()
        clock.advance(1_767_225_600.123_456)
        store = kind(clock.seconds)
        for _ in range(4):
            decision = finish(store.hit(THREE, "key"))
            clock.advance(1.1)

        assert decision[:3] == (False, 3, 0)
        assert decision.reset_at == pytest.approx(1_767_225_660.123_456, abs=0.001)
        clock.rightNow = decision.reset_at - 0.001
        assert not finish(store.hit(THREE, "key")).allowed
        clock.rightNow = decision.reset_at
        assert finish(store.hit(THREE, "key")).allowed

    @both
    def test_a_clock_that_is_set_back_locks_nobody_out(self, kind: Kind) -> None:
        clock = Clock()

        assert hit_at(kind(clock.seconds), clock, *[100_000] * 4) == [True, True, True, False]
        assert hit_at(kind(clock.seconds), clock, *[100_000] * 4, *[50_000] * 4) == [True, True, True, False] * 2


class TestModels:
    @given(steps)
    def test_a_moving_window_never_holds_more_than_the_rate(self, steps: list[tuple[int, str]]) -> None:
        allowed: defaultdict[str, list[float]] = defaultdict(list)

        def expect(key: str, now: float) -> Decision:
            recent = [moment for moment in allowed[key] if moment > now - 60]
            fits = len(recent) < 3
            if fits:
                allowed[key].append(now)
                recent.append(now)
            return Decision(fits, 3, 3 - len(recent), recent[0] + 60)

        self.compare(MovingWindowStore, steps, expect)

    @given(steps)
    def test_a_fixed_window_counts_from_its_start(self, steps: list[tuple[int, str]]) -> None:
        opened: dict[str, tuple[float, int]] = {}

        def expect(key: str, now: float) -> Decision:
            start, count = opened.get(key, (now, 0))
            if now >= start + 60:
                start, count = now, 0
            fits = count < 3
            opened[key] = start, count + fits
            return Decision(fits, 3, 3 - count - fits, start + 60)

        self.compare(FixedWindowStore, steps, expect)

    def compare(self, kind: Kind, steps: list[tuple[int, str]], expect: Callable[[str, float], Decision]) -> None:
        clock = Clock()
        store = kind(clock.seconds)
        for pause, key in steps:
            clock.advance(pause)
            assert finish(store.hit(THREE, key)) == expect(key, clock.seconds())


class TestBounds:
    @both
    def test_beyond_the_most_keys_the_oldest_is_forgotten(self, kind: Kind) -> None:
        store = kind(Clock().seconds, most_keys=100)
        for number in range(101):
            finish(store.hit(ONE, str(number)))

        assert not any(finish(store.hit(ONE, str(number))).allowed for number in range(1, 101))
        assert finish(store.hit(ONE, "0")).allowed

    def test_beyond_the_most_hits_the_oldest_key_of_moving_windows_is_forgotten(self) -> None:
        store = MovingWindowStore(Clock().seconds, most_hits=8)
        for key in "aaabbbccc":
            finish(store.hit(THREE, key))

        assert finish(store.hit(THREE, "b")).remaining == 0
        assert not finish(store.hit(THREE, "c")).allowed
        assert finish(store.hit(THREE, "a")).remaining == 2

    def test_a_single_key_may_use_its_whole_rate(self) -> None:
        store = MovingWindowStore(Clock().seconds, most_hits=1)

        assert [finish(store.hit(THREE, "a")).allowed for _ in range(4)] == [True, True, True, False]

    @both
    def test_an_attack_from_many_addresses_costs_bounded_memory(self, kind: Kind) -> None:
        clock = Clock()
        assert measure(kind(clock.seconds, most_keys=200), clock, ONE, pause=0) < 500_000

    @both
    def test_what_is_outdated_goes_although_nobody_asks_for_it_again(self, kind: Kind) -> None:
        clock = Clock()
        assert measure(kind(clock.seconds), clock, ONE, pause=1) < 500_000


def measure(store: FixedWindowStore | MovingWindowStore, clock: Clock, rate: Rate, pause: float) -> int:
    """How many bytes the hits of 5,000 addresses leave behind."""
    tracemalloc.start()
    try:
        for number in range(5_000):
            finish(store.hit(rate, "api", f"192.0.2.{number}", "/api/login"))
            clock.advance(pause)
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
