"""Budget of memory that several users share, each of whom waits its turn for a bounded time."""

from __future__ import annotations

from collections import deque

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime


@define(eq=False, kw_only=True)
class Budget:
    """
    So many bytes for all together.

    :ivar patience: seconds for which somebody waits for them.
    """

    _most: int
    _clock: IReactorTime
    _patience: float
    _taken: int = 0
    _waiting: deque[tuple[int, Deferred[None]]] = field(factory=deque)

    async def take(self, size: int) -> None:
        """
        Have ``size`` bytes of it, as soon as everybody who came before has theirs. Cancelling stops waiting.

        :raises TimeoutError: of Twisted: they could not be had in time.
        """
        if not self._waiting and self._fits(size):
            self._taken += size
            return
        turn: Deferred[None] = Deferred()
        turn.addTimeout(self._patience, self._clock)
        place = (size, turn)
        self._waiting.append(place)
        try:
            await turn
        except BaseException:
            if place in self._waiting:
                self._waiting.remove(place)
                self._serve()
            raise

    def try_take(self, size: int) -> bool:
        """Have ``size`` bytes of it, if they are there; whether they were."""
        if self._waiting or not self._fits(size):
            return False
        self._taken += size
        return True

    def give_back(self, size: int) -> None:
        """Have ``size`` bytes less."""
        self._taken -= size
        self._serve()

    def _fits(self, size: int) -> bool:
        # Whoever wants more than there is has it alone.
        return self._taken + size <= self._most or not self._taken

    def _serve(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, turn = self._waiting.popleft()
            self._taken += size
            turn.callback(None)
