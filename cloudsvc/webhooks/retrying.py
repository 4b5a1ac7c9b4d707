"""Retrying of messages that were not taken: after which delay, and until when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve

from cloudsvc.core.clock import SECOND, Instant
from cloudsvc.webhooks.bounds import FAILING_SECONDS
from cloudsvc.webhooks.webhook import Progress, Stop

DELAYS: Final = (5, 5 * 60, 30 * 60, 2 * 60 * 60, 5 * 60 * 60, 10 * 60 * 60)
"""Seconds after each failure, the last one again and again: the schedule that Standard Webhooks suggests."""

_JITTER: Final = 0.2
"""By which part a delay is longer at most, so that not everything comes at the same moment again."""


def note_success(progress: Progress, now: Instant) -> Progress:
    """``progress`` after something was taken."""
    return evolve(progress, delivered_at=now, failures=0, failing_since=None, next_try=None)


def note_failure(
    progress: Progress, now: Instant, *, retry_after: int | None, is_gone: bool, draw: Callable[[], float]
) -> Progress:
    """
    ``progress`` after something was not taken.

    Only the time counts as failing in which something was tried as soon as it was due: a server that was off for a
    week, or a user who was disabled, says nothing of a receiver.

    :param retry_after: seconds for which the receiver wants to be left alone.
    :param is_gone: whether it wants nothing any more.
    :param draw: a number from 0 to 1, by lot.
    """
    since = now if progress.failing_since is None else progress.failing_since + _find_idle(progress, now)
    delay = DELAYS[min(progress.failures, len(DELAYS) - 1)] * (1 + _JITTER * draw())
    failed = evolve(
        progress,
        failures=progress.failures + 1,
        failing_since=since,
        next_try=now + int(max(delay, retry_after or 0) * SECOND),
    )
    if is_gone:
        return evolve(failed, stop=Stop.GONE)
    return evolve(failed, stop=Stop.FAILING) if now - since >= FAILING_SECONDS * SECOND else failed


def _find_idle(progress: Progress, now: Instant) -> int:
    """For how long, in microseconds, nothing was tried although it was due."""
    return 0 if progress.next_try is None else max(0, now - progress.next_try)


def begin_again(progress: Progress) -> Progress:
    """``progress`` as if nothing had failed, where somebody says that it works again."""
    return evolve(progress, stop=None, failures=0, failing_since=None, next_try=None)
