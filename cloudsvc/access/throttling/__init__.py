"""How often a client may call: rates, the windows that count, and the policy around them."""

from __future__ import annotations

from cloudsvc.access.throttling.memory import FixedWindows, MovingWindows
from cloudsvc.access.throttling.opening import open_windows
from cloudsvc.access.throttling.shared import SharedWindows
from cloudsvc.access.throttling.throttle import Throttle
from cloudsvc.access.throttling.windows import Decision, StorageAway, Windows

__all__ = [
    "Decision",
    "FixedWindows",
    "MovingWindows",
    "SharedWindows",
    "StorageAway",
    "Throttle",
    "Windows",
    "open_windows",
]
