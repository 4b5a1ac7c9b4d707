"""Coroutines that never wait, run on the spot; and threads that are none."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """What ``coroutine`` returns; fails when it waits for anything."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise AssertionError("the coroutine waits")


class Inline:
    """A thread runner that runs everything at once, where it is."""

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return function(*args, **kwargs)
