"""Blocking work leaves the reactor's thread through one narrow interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

from attrs import frozen
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")


class ThreadRunner(Protocol):
    """Runs blocking functions in threads it owns."""

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function`` returns or raises, run outside the calling thread."""
        ...


@frozen
class PoolRunner:
    """
    A :class:`ThreadRunner` on a pool of threads that whoever made it starts and stops.

    Cancelling a call stops waiting for it; the function itself runs on to its end.
    """

    reactor: IReactorFromThreads
    pool: ThreadPool

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function`` returns or raises, run in a thread of the pool."""
        return await deferToThreadPool(self.reactor, self.pool, function, *args, **kwargs)
