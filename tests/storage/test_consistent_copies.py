"""A copy of the catalogue stays whole as long as it is needed: what it refers to is pinned, again and again."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from attrs import evolve
from twisted.internet.task import Clock, deferLater

from tests.support.administration import opened
from tests.support.reactors import in_reactor
from tests.support.server import PATIENCE

MINUTE = 60_000_000
START = 1_767_225_600_000_000


def find_pins(directory: Path) -> list[int]:
    connection = sqlite3.connect(directory / "catalogue.sqlite3")
    try:
        return [until for (until,) in connection.execute("SELECT until FROM pin")]
    finally:
        connection.close()


@in_reactor
async def test_a_pin_is_renewed_until_the_copy_is_not_needed(tmp_path: Path) -> None:
    from twisted.internet import reactor  # noqa: PLC0415 - installed by then

    clock = Clock()
    async with opened(tmp_path) as drive:
        copies = evolve(drive.copies, clock=clock, now=lambda: START + int(clock.seconds() * 1_000_000))
        async with copies.hold():
            assert find_pins(tmp_path) == [START + 30 * MINUTE]
            clock.advance(300)
            end = time.monotonic() + PATIENCE
            while (pins := find_pins(tmp_path)) != [START + 35 * MINUTE]:
                assert time.monotonic() < end, pins
                await deferLater(reactor, 0.01)
        assert find_pins(tmp_path) == []
    assert not clock.getDelayedCalls()
