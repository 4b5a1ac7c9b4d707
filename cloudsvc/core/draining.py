"""Draining: the moment from which on a server that stops only finishes what it has begun."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred

T = TypeVar("T")

_END: Final = object()


@define(eq=False)
class Draining:
    """
    The signal that the server drains. What would go on for ever ends then, or it holds up the end of the server.

    :ivar begun: whether it drains.
    """

    begun: bool = False
    _waiting: dict[Callable[[], None], None] = field(factory=dict)  # no more than there are requests that wait

    def begin(self) -> None:
        """Tell all that wait."""
        self.begun = True
        while self._waiting:
            self._waiting.popitem()[0]()

    async def wait(self) -> None:
        """Wait until it drains; at once where it does already."""
        if self.begun:
            return
        began: Deferred[None] = Deferred()

        def tell() -> None:
            began.callback(None)

        self._waiting[tell] = None
        try:
            await began
        finally:
            self._waiting.pop(tell, None)

    async def until(self, pieces: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """What ``pieces`` gives until the server drains: then it ends, though it may be waiting, and is closed."""
        async with aclosing(pieces):
            while not self.begun:
                piece = await self._cut_short(Deferred.fromCoroutine(_advance(pieces)))
                if piece is _END:
                    return
                yield piece  # type: ignore[misc]  # all but the mark of the end is T

    async def _cut_short(self, step: Deferred[T | object]) -> T | object:
        """What ``step`` gives, or the mark of the end where draining begins before."""
        is_cut = False

        def cut() -> None:
            nonlocal is_cut
            is_cut = True
            step.cancel()

        self._waiting[cut] = None
        try:
            return await step
        except CancelledError:
            if is_cut:
                return _END
            raise
        finally:
            self._waiting.pop(cut, None)


async def _advance(pieces: AsyncGenerator[T, None]) -> T | object:
    return await anext(pieces, _END)
