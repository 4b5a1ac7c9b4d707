"""Places for decoders, of which there are so many for all processes that make thumbnails of one drive."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from cloudsvc.core.durable_files import open_unlinked

_AGAIN: Final = 0.05
"""Seconds after which whoever waits looks whether another process has done. A thumbnail takes longer than that."""


@define(eq=False, kw_only=True)
class SharedPlaces:
    """
    Places, each of which is the lock of one byte of a file. The system takes it from a process that dies.

    :ivar file: is made where it is missing; there is nothing in it. Nobody else in this process opens it.
    :ivar most: places that there are.
    """

    _file: Path
    _clock: IReactorTime
    most: int
    _descriptor: int | None = None
    _held: set[int] = field(factory=set)

    async def take(self) -> int:
        """
        A place, as soon as there is one. Whoever takes it gives it back.

        :raises OSError: the file cannot be locked.
        """
        while (place := self._try()) is None:
            await deferLater(self._clock, _AGAIN)
        return place

    def give_back(self, place: int) -> None:
        """Let another one have it."""
        if self._descriptor is not None:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, place)
        self._held.discard(place)

    def close(self) -> None:
        """Give all back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._held.clear()

    def _try(self) -> int | None:
        if self._descriptor is None:
            self._descriptor = open_unlinked(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        for place in range(self.most):
            # A process gets a lock again that it has.
            if place not in self._held and _lock(self._descriptor, place):
                self._held.add(place)
                return place
        return None


def _lock(descriptor: int, place: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except BlockingIOError:
        return False
    return True
