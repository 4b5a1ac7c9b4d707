"""Look-ups of names: so many at once, and each for so long."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from cloudsvc.outbound.lookups import LOOKUP_SECONDS, MOST_LOOKUPS, Lookups

FOUND = [
    (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fd00::1", 443, 0, 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443)),
]


@define(eq=False)
class Held:
    """
    Threads in which nothing comes to its end until somebody says so.

    :ivar jobs: what runs, each with what waits for it.
    """

    jobs: list[tuple[Callable[[], Any], Deferred[Any]]] = field(factory=list)
    cancelled: int = 0

    async def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """See :class:`cloudsvc.core.threads.ThreadRunner`."""
        done: Deferred[Any] = Deferred()
        self.jobs.append((lambda: function(*args, **kwargs), done))
        try:
            return await done
        except CancelledError:
            self.cancelled += 1
            raise

    def finish(self) -> None:
        """Let the first one end."""
        work, done = self.jobs.pop(0)
        try:
            done.callback(work())
        except OSError:
            done.errback()


@define(eq=False)
class Receiver:
    """Remembers what it is told; ``None`` is the end."""

    told: list[Any] = field(factory=list)

    def resolutionBegan(self, resolution: Any) -> None:
        assert resolution.name == "name.example"

    def addressResolved(self, address: Any) -> None:
        self.told.append(address)

    def resolutionComplete(self) -> None:
        self.told.append(None)


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lookups(held: Held, clock: Clock) -> Lookups:
    return Lookups(threads=held, clock=clock, look_up=lambda *_: FOUND)


def ask(lookups: Lookups) -> list[Any]:
    """What is told of a name, as it is told."""
    receiver: Any = Receiver()
    lookups.resolveHostName(receiver, "name.example", 443)
    told: list[Any] = receiver.told
    return told


def test_all_addresses_are_told(lookups: Lookups, held: Held, clock: Clock) -> None:
    told = ask(lookups)
    assert told == []
    held.finish()
    assert told == [IPv6Address("TCP", "fd00::1", 443), IPv4Address("TCP", "10.0.0.1", 443), None]
    assert clock.getDelayedCalls() == []


def test_a_name_that_leads_nowhere_has_none(held: Held, clock: Clock) -> None:
    def fail(*_: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    told = ask(Lookups(threads=held, clock=clock, look_up=fail))
    held.finish()
    assert told == [None]


def test_one_that_takes_too_long_is_left(lookups: Lookups, held: Held, clock: Clock) -> None:
    told = ask(lookups)
    clock.advance(LOOKUP_SECONDS - 1)
    assert (told, held.cancelled) == ([], 0)
    clock.advance(1)
    assert (told, held.cancelled) == ([None], 1)


def test_there_are_so_many_at_once_and_no_more(lookups: Lookups, held: Held, clock: Clock) -> None:
    all_told = [ask(lookups) for _ in range(MOST_LOOKUPS)]
    assert ask(lookups) == [None]
    assert len(held.jobs) == MOST_LOOKUPS
    held.finish()
    assert len(all_told[0]) == len(FOUND) + 1
    assert ask(lookups) == []
    clock.advance(LOOKUP_SECONDS)
    assert all_told[1:] == [[None]] * (MOST_LOOKUPS - 1)
    assert held.cancelled == MOST_LOOKUPS
