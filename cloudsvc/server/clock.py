"""Monotonic clock for timers, which goes on evenly whatever the system clock is set to."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Final

_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Where there is a choice, the one that goes on while the machine sleeps: deadlines and days do."""


def keep_steady_time(reactor: Any) -> None:
    """
    Make ``reactor`` count seconds since the machine was booted, unless a timer of its other time runs already.

    Twisted's reactors count those since the epoch: when the clock is set back, every timer waits that much longer, and
    nobody can tell that it was set at all.

    :param reactor: any of Twisted's; no interface says that its sense of time is an attribute.
    """
    if not reactor.getDelayedCalls():
        reactor.seconds = partial(time.clock_gettime, _SINCE_BOOT)
