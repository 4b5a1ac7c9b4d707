"""Whether a client that sends or takes slowly is too slow: plain arithmetic."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.web.bounds import ConnectionBounds
from cloudsvc.web.pace import Pace

BOUNDS = ConnectionBounds(body_bytes_per_second=100, header_seconds=10, stall_seconds=60)
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
    def test_where_nothing_waits_nothing_stalls(self, pace: Pace) -> None:
        assert pace.stalls_at == inf

    def test_what_waits_must_be_taken_in_time(self, pace: Pace) -> None:
        pace.await_taking(1, 1000.0)
        assert pace.stalls_at == 1060.0
        pace.end_waiting()
        assert pace.stalls_at == inf

    @given(st.integers(0, 3 * TAKEN), st.integers(0, 3 * TAKEN))
    def test_as_much_must_be_taken_as_the_slowest_body_brings(self, before: int, after: int) -> None:
        pace = Pace(BOUNDS)
        pace.await_taking(before, 0.0)
        assert pace.has_taken(after) == (before - after >= TAKEN)

    @pytest.mark.parametrize(("taken", "enough"), [(-1, False), (0, False), (1, True)])
    def test_something_must_be_taken_where_no_body_is_too_slow(self, taken: int, *, enough: bool) -> None:
        pace = Pace(ConnectionBounds(body_bytes_per_second=0))
        pace.await_taking(10, 0.0)
        assert pace.has_taken(10 - taken) == enough

    def test_what_was_taken_before_is_no_excuse(self, pace: Pace) -> None:
        pace.await_taking(2 * TAKEN, 0.0)
        assert pace.has_taken(TAKEN)
        pace.await_taking(TAKEN, 60.0)
        assert not pace.has_taken(1)
