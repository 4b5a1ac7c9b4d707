"""Following of changes, by asking again and again for what came after the last one."""

from __future__ import annotations

from typing import Final

from cloudsvc.client.calls import list_changes
from cloudsvc.client.effects import Emit, Flow, Sleep
from cloudsvc.client.retrying import RetryPolicy, ask

_WAIT: Final = 50
"""Seconds for which the server is asked to wait: as long as it does."""

_PAUSE: Final = 0.25
"""Seconds after an answer without changes: a server that stops gives one at once, and is not to be asked in a loop."""


def find_position(policy: RetryPolicy) -> Flow[str]:
    """Where the changes stand now."""
    return (yield from ask(list_changes(None), policy)).position


def follow(since: str | None, policy: RetryPolicy) -> Flow[None]:
    """
    Hand on each change after ``since``, or from now on, without an end.

    The position comes from the answer that had the change, so that nothing is missed and nothing comes twice, whatever
    becomes of connections and servers between.

    :raises GoneError: what came after ``since`` is not remembered any more.
    """
    position = since if since is not None else (yield from find_position(policy))
    while True:
        told = yield from ask(list_changes(position, _WAIT), policy)
        for change in told.changes:
            yield Emit(change)
        if not told.changes:
            yield Sleep(_PAUSE)
        position = told.position
