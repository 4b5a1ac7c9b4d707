"""Connections of other workers: what each tells the others, and what is forgotten with whoever has died."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.web.http1.elsewhere import OtherWorkers, clear_place, make_counts

steps = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", None]), st.booleans()),
    max_size=40,
)


@contextmanager
def workers(places: int) -> Iterator[tuple[int, list[OtherWorkers]]]:
    memory = make_counts(places)
    try:
        yield memory, [OtherWorkers.open(memory, b"key", place, places) for place in range(places)]
    finally:
        os.close(memory)


@given(steps)
def test_each_knows_what_the_others_have_open(steps: list[tuple[int, str | None, bool]]) -> None:
    with workers(3) as (_, registers):
        open_by: list[Counter[str | None]] = [Counter() for _ in registers]
        for place, client, opens in steps:
            counts = open_by[place]
            if not opens and not counts[client]:
                continue
            counts[client] += 1 if opens else -1
            registers[place].note(client, counts[client], counts.total())
        for place, register in enumerate(registers):
            others = [counts for number, counts in enumerate(open_by) if number != place]
            assert register.count_all() == sum(counts.total() for counts in others)
            for client in ("a", "b"):
                assert register.count(client) == sum(counts[client] for counts in others)


def test_what_one_has_open_that_has_died_is_forgotten() -> None:
    with workers(2) as (memory, (one, other)):
        one.note("a", 3, 3)
        other.note("a", 2, 2)
        assert (other.count("a"), other.count_all()) == (3, 3)
        clear_place(memory, 0)
        assert (other.count("a"), other.count_all()) == (0, 0)
        assert (one.count("a"), one.count_all()) == (2, 2), "and nothing else"
        successor = OtherWorkers.open(memory, b"key", 0, 2)
        successor.note("a", 1, 1)
        assert other.count("a") == 1


def test_a_bucket_that_is_full_takes_no_more_until_somebody_goes() -> None:
    with workers(2) as (_, (one, other)):
        for register in (one, other):
            register._own._buckets = 1
            for table in register._others:
                table._buckets = 1
        for number in range(9):
            one.note(f"client {number}", 1, number + 1)
        assert [other.count(f"client {number}") for number in range(9)] == [1] * 8 + [0]
        assert other.count_all() == 9
        one.note("client 3", 0, 8)
        one.note("client 8", 2, 9)
        assert other.count("client 8") == 2
        assert other.count("client 3") == 0
