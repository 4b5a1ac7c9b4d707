"""Blocking work leaves the reactor's thread through one narrow interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ThreadRunner(Protocol):
    """Runs blocking functions in threads it owns."""

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function`` returns or raises, run outside the calling thread."""
        ...
