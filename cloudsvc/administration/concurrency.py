"""Bounded concurrency: several operations at a time, but not all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from twisted.internet.defer import Deferred, DeferredList, FirstError, gatherResults

T = TypeVar("T")

AT_ONCE: Final = 8
"""Enough to keep the disk busy while the catalogue commits several commands together."""


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]], at_once: int = AT_ONCE) -> None:
    """
    Do ``work`` for each of ``items``, for some of them at the same time.

    The first failure ends it, and is raised once whatever else was begun has ended too.
    """
    waiting = deque(items)

    async def take_turns() -> None:
        try:
            while waiting:
                await work(waiting.popleft())
        except BaseException:
            waiting.clear()
            raise

    turns = [Deferred.fromCoroutine(take_turns()) for _ in range(at_once)]
    try:
        await gatherResults(turns, consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
    finally:
        await DeferredList(turns, consumeErrors=True)
