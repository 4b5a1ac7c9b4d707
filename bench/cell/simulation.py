"""
Simulation of discrete events: activities that take time, and stations with servers before which they queue.

An activity is a generator. What it yields is a step: a function that is given what goes on with the activity, and calls
it when the step is over.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Generator
from itertools import count
from typing import TypeAlias

from attrs import define, field

Resume: TypeAlias = Callable[[], None]
Step: TypeAlias = Callable[[Resume], None]
Activity: TypeAlias = Generator[Step, None, None]


@define(eq=False)
class Simulation:
    """
    A clock, and what will happen.

    :ivar now: seconds since the beginning.
    """

    now: float = 0.0
    _events: list[tuple[float, int, Resume]] = field(factory=list)
    _order: count[int] = field(factory=count)
    """So that of what happens at the same moment, the first that was planned comes first."""

    def plan(self, seconds: float, call: Resume) -> None:
        """Call something, so many seconds from now."""
        heapq.heappush(self._events, (self.now + seconds, next(self._order), call))

    def pause(self, seconds: float) -> Step:
        """The step of an activity that waits so long, whoever else does."""
        return lambda resume: self.plan(seconds, resume)

    def start(self, activity: Activity) -> None:
        """Let an activity begin now."""

        def go_on() -> None:
            step = next(activity, None)
            if step is not None:
                step(go_on)

        go_on()

    def run(self, is_over: Callable[[], bool]) -> None:
        """Let everything happen until it is over, or nothing is left."""
        while self._events and not is_over():
            self.now, _, call = heapq.heappop(self._events)
            call()


@define(eq=False)
class Station:
    """
    Servers that are alike, and one queue before them: first come, first served.

    :ivar busy_seconds: of all its servers together, until :attr:`_counted_at`.
    """

    name: str
    servers: int
    simulation: Simulation
    _busy: int = 0
    _waiting: deque[Resume] = field(factory=deque)
    _busy_seconds: float = 0.0
    _counted_at: float = 0.0

    def serve(self, seconds: float) -> Step:
        """The step of an activity that needs a server for so long."""

        def step(resume: Resume) -> None:
            def leave() -> None:
                self.release()
                resume()

            self.acquire(lambda: self.simulation.plan(seconds, leave))

        return step

    def acquire(self, resume: Resume) -> None:
        """A step: have a server, until it is released."""
        if self._busy == self.servers:
            self._waiting.append(resume)
        else:
            self._count()
            self._busy += 1
            resume()

    def release(self) -> None:
        """Let the next one have the server."""
        if self._waiting:
            # At the same moment, but in its turn: whoever releases has not finished.
            self.simulation.plan(0.0, self._waiting.popleft())
        else:
            self._count()
            self._busy -= 1

    def count_busy_seconds(self) -> float:
        """Of all its servers together, since the beginning."""
        self._count()
        return self._busy_seconds

    def _count(self) -> None:
        self._busy_seconds += self._busy * (self.simulation.now - self._counted_at)
        self._counted_at = self.simulation.now
