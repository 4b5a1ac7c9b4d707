"""Retrying: after which delay something is sent again, and until when."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from cloudsvc.drive.changes import Position
from cloudsvc.webhooks.bounds import FAILING_SECONDS
from cloudsvc.webhooks.retrying import DELAYS, begin_again, note_failure, note_success
from cloudsvc.webhooks.webhook import Progress, Stop

SECOND = 1_000_000
START = Progress(position=Position(epoch="e", number=1), delivered_at=5)


def fail(progress: Progress, now: int, **told: Any) -> Progress:
    return note_failure(progress, now, **{"retry_after": None, "is_gone": False, "draw": lambda: 0.0, **told})


def test_each_failure_waits_longer_than_the_one_before_up_to_the_last() -> None:
    progress, waited = START, []
    for _ in range(8):
        progress = fail(progress, 0)
        assert progress.next_try is not None
        waited.append(progress.next_try // SECOND)
    assert waited == [*DELAYS, DELAYS[-1], DELAYS[-1]]
    assert (progress.failures, progress.failing_since, progress.position) == (8, 0, START.position)


@pytest.mark.parametrize(("drawn", "expected"), [(0.0, 5), (0.5, 5.5), (1.0, 6)])
def test_a_delay_is_longer_by_lot(drawn: float, expected: float) -> None:
    assert fail(START, 0, draw=lambda: drawn).next_try == expected * SECOND


def test_the_later_one_counts_of_what_the_receiver_says_and_the_schedule() -> None:
    assert fail(START, 7, retry_after=60).next_try == 7 + 60 * SECOND
    assert fail(START, 7, retry_after=1).next_try == 7 + 5 * SECOND


def test_it_is_given_up_after_days_or_where_it_is_not_wanted() -> None:
    last = 100 + FAILING_SECONDS * SECOND
    # It is tried when it is due.
    for moment, stop in ((last - 1, None), (last, Stop.FAILING)):
        failing = evolve(fail(START, 100), next_try=moment)
        assert fail(failing, moment).stop is stop
    assert fail(START, 100, is_gone=True).stop is Stop.GONE


def test_days_in_which_nothing_was_tried_do_not_count() -> None:
    pause = 3 * FAILING_SECONDS * SECOND
    failing = evolve(fail(START, 100), next_try=200)
    late = fail(failing, 200 + pause)
    assert (late.stop, late.failures, late.failing_since) == (None, 2, 100 + pause)
    # A clock that was put back takes nothing from what has failed.
    assert fail(failing, 150).failing_since == 100


def test_a_success_forgets_all_of_it_and_so_does_who_says_that_it_works() -> None:
    failed = evolve(fail(START, 100, is_gone=True), owes_notice=True)
    fine = note_success(evolve(failed, stop=None), 200)
    assert fine == evolve(START, delivered_at=200, owes_notice=True)
    assert begin_again(failed) == evolve(START, owes_notice=True)
