"""Rate limiting: rates, the stores that count, and the policy around them."""

from __future__ import annotations

from cloudsvc.access.throttling.attempts import LAPSED, LAPSED_RATE, AttemptLimits
from cloudsvc.access.throttling.memory import FixedWindowStore, MovingWindowStore
from cloudsvc.access.throttling.opening import check_authorities, find_engine, open_store
from cloudsvc.access.throttling.shared import SharedStore
from cloudsvc.access.throttling.store import Decision, RateLimitStore, StoreUnavailable
from cloudsvc.access.throttling.throttle import Throttle
from cloudsvc.access.throttling.workers import SharedWindowStore, make_windows

__all__ = [
    "LAPSED",
    "LAPSED_RATE",
    "AttemptLimits",
    "Decision",
    "FixedWindowStore",
    "MovingWindowStore",
    "RateLimitStore",
    "SharedStore",
    "SharedWindowStore",
    "StoreUnavailable",
    "Throttle",
    "check_authorities",
    "find_engine",
    "make_windows",
    "open_store",
]
