"""Minimum data rates: plain arithmetic of who is too slow."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.web.http1.pace import Pace
from tests.support.bounds import make_bounds

BOUNDS = make_bounds(body_bytes_per_second=100, header_seconds=10, stall_seconds=60)
BODY, TAKEN = 100 * 10, 100 * 60
"""The least that a window must bring, and the least that must be taken."""


@pytest.fixture
def pace() -> Pace:
    return Pace(BOUNDS)


class TestSending:
    @given(st.lists(st.integers(0, 3 * BODY), min_size=1))
    def test_each_window_is_judged_by_what_came_in_it(self, arrivals: list[int]) -> None:
        pace, received = Pace(BOUNDS), 0
        for arrived in arrivals:
            received += arrived
            assert pace.end_window(received, held=False) == (arrived >= BODY)

    def test_the_next_body_begins_at_nothing(self, pace: Pace) -> None:
        pace.end_window(10 * BODY, held=False)
        pace.begin_body()
        assert pace.end_window(BODY, held=False)

    def test_a_window_in_which_the_client_was_kept_waiting_says_nothing(self, pace: Pace) -> None:
        pace.hold()
        assert pace.end_window(0, held=False)
        assert not pace.end_window(0, held=False)

    def test_neither_does_one_that_began_so(self, pace: Pace) -> None:
        assert pace.end_window(BODY, held=True)
        assert pace.end_window(BODY, held=False)
        assert not pace.end_window(BODY, held=False)


class TestTaking:
    def look(self, pace: Pace, pending: int, now: float) -> bool:
        """Whether the client may go on, looked at only when it is time to look."""
        assert pace.checks_at <= now
        return pace.has_taken(pending, now)

    def test_where_nothing_waits_nothing_stalls(self, pace: Pace) -> None:
        assert pace.checks_at == inf

    def test_what_waits_is_looked_at_until_it_is_taken(self, pace: Pace) -> None:
        pace.await_taking(1, 1000.0)
        assert 1000.0 < pace.checks_at <= 1060.0
        pace.end_waiting()
        assert pace.checks_at == inf

    @given(st.integers(0, 3 * TAKEN), st.integers(0, 3 * TAKEN))
    def test_as_much_must_be_taken_as_the_slowest_body_brings(self, before: int, after: int) -> None:
        pace = Pace(BOUNDS)
        pace.await_taking(before, 0.0)
        assert pace.has_taken(after, 60.0) == (before - after >= TAKEN)

    @pytest.mark.parametrize(("taken", "enough"), [(-1, False), (0, False), (1, True)])
    def test_something_must_be_taken_where_no_body_is_too_slow(self, taken: int, *, enough: bool) -> None:
        pace = Pace(make_bounds(body_bytes_per_second=0))
        pace.await_taking(10, 0.0)
        assert pace.has_taken(10 - taken, 60.0) == enough

    def test_what_the_system_takes_at_first_is_no_excuse_for_a_second_window(self, pace: Pace) -> None:
        """It takes megabytes at once, of an answer that its client never looks at."""
        pace.await_taking(2 * TAKEN, 0.0)
        now, looks = 0.0, 0
        while self.look(pace, TAKEN, now := pace.checks_at):
            looks += 1
        assert 60.0 < now <= 65.0
        assert looks < 40

    def test_the_last_seconds_count_wherever_they_begin(self, pace: Pace) -> None:
        pace.await_taking(10 * TAKEN, 0.0)
        assert all(self.look(pace, 10 * TAKEN - int(now * 101), now) for now in range(2, 300, 2))
        assert all(self.look(pace, 4 * TAKEN, now) for now in range(300, 358, 2))
        assert not all(self.look(pace, 4 * TAKEN, now) for now in range(358, 364, 2))

    @given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, TAKEN)), max_size=200))
    def test_what_is_remembered_is_bounded(self, steps: list[tuple[float, int]]) -> None:
        pace, now = Pace(BOUNDS), 0.0
        pace.await_taking(TAKEN, now)
        for seconds, pending in steps:
            now = max(pace.checks_at, now + seconds)
            pace.has_taken(pending, now)
            assert len(pace._checks or ()) <= 33
