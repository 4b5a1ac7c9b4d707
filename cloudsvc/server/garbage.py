"""Garbage collection by the interpreter, less often than it does by itself."""

from __future__ import annotations

import gc
from typing import Final

from attrs import define, field
from twisted.application.service import Service

_YOUNG: Final = 10_000
"""
Objects that are made and not freed before the youngest are looked through: some megabytes of them at most.

The interpreter has 700. A page of a list has thousands that live until it is sent, so that each was looked through by
the dozen, and again and again with everything that the server is made of: a third of what a list cost.
"""


@define(eq=False)
class GarbageCollection(Service):
    """Lets a server that runs look less often for cycles: nearly everything in it is freed when its last user goes."""

    _before: tuple[int, int, int] = field(init=False, factory=gc.get_threshold)

    def startService(self) -> None:
        """From now on."""
        super().startService()
        self._before = gc.get_threshold()
        gc.set_threshold(_YOUNG, *self._before[1:])

    def stopService(self) -> None:
        """As it was."""
        super().stopService()
        gc.set_threshold(*self._before)
