"""Fairness between connections: one that sends many requests has a few answered, then the others have their turn."""

from __future__ import annotations

from itertools import islice
from typing import Final, Protocol

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

REQUESTS: Final = 2
"""Requests of one connection that are answered before it has to wait for its next turn."""

_CONNECTIONS: Final = 16
"""Connections that have a turn between two looks of the reactor at all the others."""

_log = Logger("cloudsvc.web")


class Waiting(Protocol):
    """A connection with requests that have arrived and wait."""

    def take_turn(self) -> None:
        """Answer some of them."""

    def abort(self) -> None:
        """Close it, as something went wrong."""


@define(eq=False)
class Turns:
    """The connections that wait for a turn, in the order in which they came; no more than there are connections."""

    _clock: IReactorTime
    _waiting: dict[Waiting, None] = field(factory=dict)
    _planned: bool = False

    def join(self, connection: Waiting) -> None:
        """Let ``connection`` have a turn when those before it have had theirs."""
        self._waiting[connection] = None
        self._plan()

    def _pass(self) -> None:
        self._planned = False
        for connection in list(islice(self._waiting, _CONNECTIONS)):
            del self._waiting[connection]  # it may join again during its turn
            try:
                connection.take_turn()
            except Exception:  # noqa: BLE001  # whatever it was, the others have their turns
                _log.failure("a connection failed at its turn")
                connection.abort()
        self._plan()

    def _plan(self) -> None:
        if self._waiting and not self._planned:
            self._planned = True
            self._clock.callLater(0, self._pass)
