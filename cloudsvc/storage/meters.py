"""Meters: what a storage tells of its use of a database, to whoever counts."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol

from attrs import frozen


class Use(StrEnum):
    """What a connection to a database is for."""

    READING = "reading"
    WRITING = "writing"
    LISTENING = "listening"
    LEADING = "leading"
    UPKEEP = "upkeep"
    """Migrations, and what commands do."""


class Ending(StrEnum):
    """What became of a transaction that writes."""

    COMMITTED = "committed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Its commit was not answered."""


class DatabaseMeter(Protocol):
    """What is told of the use of a database, from whichever thread. Its methods do not block."""

    def note_connected(self, use: Use) -> None:
        """A connection was made."""
        ...

    def note_disconnected(self, use: Use, *, is_lost: bool) -> None:
        """A connection has ended; ``is_lost`` where it was not we who ended it, or because nobody answered."""
        ...

    def note_unreachable(self) -> None:
        """A connection was wanted, and there was none to be had."""
        ...

    def note_read(self, lane: str, seconds: float) -> None:
        """A read in a lane has ended, well or not, ``seconds`` after it began."""
        ...

    def note_written(self, ending: Ending, seconds: float) -> None:
        """A transaction has ended, with all that was tried again, and what it waited for."""
        ...

    def note_repeated(self, use: Use) -> None:
        """What had lost its connection, or was in another one's way, is tried again."""
        ...

    def watch(self, lane: str, count_running: Callable[[], int], count_waiting: Callable[[], int]) -> None:
        """
        From now on both can be asked, in the thread of the reactor.

        :param lane: a lane of reads, or what writes.
        """
        ...


@frozen
class Unmetered:
    """A :class:`DatabaseMeter` for whom nobody counts, as commands are."""

    def note_connected(self, use: Use) -> None:
        """As there."""

    def note_disconnected(self, use: Use, *, is_lost: bool) -> None:
        """As there."""

    def note_unreachable(self) -> None:
        """As there."""

    def note_read(self, lane: str, seconds: float) -> None:
        """As there."""

    def note_written(self, ending: Ending, seconds: float) -> None:
        """As there."""

    def note_repeated(self, use: Use) -> None:
        """As there."""

    def watch(self, lane: str, count_running: Callable[[], int], count_waiting: Callable[[], int]) -> None:
        """As there."""


UNMETERED: Final[DatabaseMeter] = Unmetered()
"""Nobody counts."""
