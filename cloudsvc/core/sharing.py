"""Coalescing of calls: one answer for all who ask the same at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock
from twisted.python.failure import Failure

T = TypeVar("T")


@define(eq=False)
class SharedQuestion(Generic[T]):
    """
    A question that costs much. However many ask it, it is put once at a time, and once more for those who came later.

    :ivar put: asks it. The answer that somebody gets is never older than their wish.
    """

    _put: Callable[[], Awaitable[T]]
    _next: list[Deferred[T]] = field(factory=list)
    _asking: DeferredLock = field(factory=DeferredLock)

    async def ask(self) -> T:
        """
        The answer to the question as it is put after this call. Cancelling whoever waits takes it from nobody else.

        :raises Exception: as the question does.
        """
        answer: Deferred[T] = Deferred()
        self._next.append(answer)
        if len(self._next) == 1:
            Deferred.fromCoroutine(self._run())
        return await answer

    async def _run(self) -> None:
        async with self._asking:
            waiting, self._next = self._next, []
            if all(answer.called for answer in waiting):
                return  # They have all left.
            result: T | Failure
            try:
                result = await self._put()
            except Exception:  # noqa: BLE001  # whatever it is, it is theirs who asked
                result = Failure()
        for answer in waiting:
            if not answer.called:
                answer.callback(result)
