"""Joint work: what several want at the same time is done once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable
from contextlib import suppress
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cloudsvc.core.errors import CloudError

T = TypeVar("T")


@define(eq=False)
class JointWork:
    """
    Works that are under way, each with those who wait for it.

    One goes on, whoever of them leaves. They are bounded by those who wait.
    """

    _waiting: dict[Hashable, list[Deferred[Any]]] = field(factory=dict)

    async def do(self, mark: Hashable, work: Callable[[], Coroutine[Any, Any, T]], *, is_fresh: bool = False) -> T:
        """
        What ``work`` returns or raises, which is done once for all who name the same ``mark`` at the same time.

        :param is_fresh: whether one that has begun before does not count.
        """
        if is_fresh and mark in self._waiting:
            with suppress(CloudError):
                await self._join(mark)
        if mark in self._waiting:
            joined: T = await self._join(mark)
            return joined
        waiting = self._waiting[mark] = []
        own: Deferred[T] = self._join(mark)

        def answer(result: T | Failure) -> None:
            del self._waiting[mark]
            for each in waiting:
                if not each.called:
                    each.callback(result)

        Deferred.fromCoroutine(work()).addBoth(answer)
        return await own

    def _join(self, mark: Hashable) -> Deferred[Any]:
        joined: Deferred[Any] = Deferred()
        self._waiting[mark].append(joined)
        return joined
