"""Windows that workers share: what one counts counts for all, exactly, and never more than the memory has room for."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from cloudsvc.access.throttling import (
    AttemptLimits,
    FixedWindowStore,
    SharedWindowStore,
    Throttle,
    make_windows,
)
from cloudsvc.core import shared_tables
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.shared_tables import SharedTable
from tests.support.coroutines import finish

THREE = parse_rate("3/minute")
MANY = parse_rate("1000000/hour")
START = 1_767_225_600.0

steps = st.lists(
    st.tuples(st.integers(0, 70), st.sampled_from(["a", "b"]), st.sampled_from([THREE, parse_rate("2/minute")])),
    max_size=60,
)


@contextmanager
def sharing(now: Callable[[], float], processes: int = 2) -> Iterator[list[SharedWindowStore]]:
    """Stores as so many processes have them."""
    memory, key = make_windows(), secrets.token_bytes(32)
    stores = [SharedWindowStore.open(os.dup(memory), key, now) for _ in range(processes)]
    os.close(memory)
    try:
        yield stores
    finally:
        for store in stores:
            finish(store.close())


@given(steps)
def test_together_they_count_as_one_alone(steps: list[tuple[int, str, object]]) -> None:
    clock = Clock()
    clock.rightNow = START
    alone = FixedWindowStore(clock.seconds)
    with sharing(clock.seconds) as stores:
        for number, (pause, key, rate) in enumerate(steps):
            clock.rightNow += pause
            expected = finish(alone.hit(rate, "api", key))  # type: ignore[arg-type]  # hypothesis' types are lost
            assert finish(stores[number % 2].hit(rate, "api", key)) == expected  # type: ignore[arg-type]  # as above


def test_looking_counts_nothing() -> None:
    clock = Clock()
    clock.rightNow = START
    with sharing(clock.seconds) as (one, other):
        assert other.peek(THREE, "key") is None
        first = finish(one.hit(THREE, "key"))
        assert [other.peek(THREE, "key") for _ in range(3)] == [first] * 3
        clock.advance(60)
        assert other.peek(THREE, "key") is None


def test_no_hit_is_lost_between_processes_that_count_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long one of them has to wait for a processor while it counts."""
    monkeypatch.setattr(shared_tables, "PATIENCE", 300.0)
    with sharing(time.time) as (one, other):
        child = os.fork()
        if not child:
            try:
                for _ in range(5000):
                    finish(other.hit(MANY, "key"))
            finally:
                os._exit(0)
        for _ in range(5000):
            finish(one.hit(MANY, "key"))
        assert os.waitpid(child, 0) == (child, 0)
        seen = one.peek(MANY, "key")
        assert seen is not None
        assert seen.limit - seen.remaining == 10_000


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_whoever_dies_or_stops_in_the_middle_holds_nobody_up(number: signal.Signals) -> None:
    with sharing(time.time) as (one, other):
        table: SharedTable = other._table
        digest = table.digest("3", "60", "key")
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                table.lock(table.locate(digest))
                os.write(writing, b"!")
                signal.pause()
            finally:
                os._exit(0)
        try:
            assert os.read(reading, 1) == b"!"
            os.kill(child, number)
            assert [finish(one.hit(THREE, "key")).allowed for _ in range(4)] == [True, True, True, False]
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reading)
            os.close(writing)


def test_windows_that_are_over_make_way_first() -> None:
    """In a table of one bucket."""
    clock = Clock()
    clock.rightNow = START
    with sharing(clock.seconds) as (store, _):
        store._table._buckets = 1
        for number in range(7):
            finish(store.hit(THREE, f"short {number}"))
        clock.advance(1)
        finish(store.hit(MANY, "long"))
        clock.advance(60)
        for number in range(7):
            finish(store.hit(THREE, f"later {number}"))
        assert store.peek(MANY, "long") is not None
        finish(store.hit(THREE, "one more"))
        assert store.peek(MANY, "long") is not None, "of those that go on, the one that ends first makes way"
        assert store.peek(THREE, "one more") is not None
        assert sum(store.peek(THREE, f"later {number}") is not None for number in range(7)) == 6


def test_the_verdict_on_a_right_key_is_refused_where_another_process_has_seen_the_guesses() -> None:
    clock = Clock()
    clock.rightNow = START
    with sharing(clock.seconds) as stores:
        here, there = (AttemptLimits(Throttle(store, {"failure": THREE}, "allow"), clock.seconds) for store in stores)
        assert finish(there.admit("client", -1, valid=True)) is None
        for guess in range(3):
            assert finish(here.admit("client", guess, valid=False)) is None
        assert finish(there.admit("client", -1, valid=True)) is not None
        assert finish(there.admit("another", -2, valid=True)) is None
        clock.advance(61)
        assert finish(there.admit("client", -1, valid=True)) is None


def test_the_verdict_is_refused_also_where_some_of_the_guesses_were_seen() -> None:
    """Who balances connections is the system: each process sees some of them."""
    clock = Clock()
    clock.rightNow = START
    with sharing(clock.seconds) as stores:
        here, there = (AttemptLimits(Throttle(store, {"failure": THREE}, "allow"), clock.seconds) for store in stores)
        assert finish(there.admit("client", 1, valid=False)) is None
        for guess in (2, 3):
            assert finish(here.admit("client", guess, valid=False)) is None
        assert finish(there.admit("client", -1, valid=True)) is not None
        assert finish(there.admit("client", 4, valid=False)) is not None


def test_in_further_windows_the_verdict_is_refused_wherever_new_keys_have_used_up_their_part() -> None:
    clock = Clock()
    clock.rightNow = START
    with sharing(clock.seconds) as stores:
        rate = parse_rate("4/minute")
        here, there = (AttemptLimits(Throttle(store, {"failure": rate}, "allow"), clock.seconds) for store in stores)
        for guess in range(6):
            finish(here.admit("client", guess, valid=False))
            finish(there.admit("client", 100 + guess, valid=False))
        clock.advance(61)
        told = [finish(here.admit("client", guess, valid=False)) is None for guess in range(10, 14)]
        assert told == [True, True, False, False], "half of the window is for those that come back"
        assert finish(there.admit("client", -1, valid=True)) is not None
