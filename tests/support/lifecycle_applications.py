"""Applications that start and stop well or badly, as they are configured."""

from __future__ import annotations

import time
from typing import Literal

from attrs import frozen
from twisted.internet.task import deferLater
from twisted.logger import Logger

from cloudsvc.extend import Application, Klein, Message, OperatorError, Request, Tools, route

FIRST = "tests.support.lifecycle_applications:First"
SECOND = "tests.support.lifecycle_applications:Second"
"""What ``config.applications`` calls them."""

PAUSE = 1.5
"""Seconds that a slow request takes."""

FOREVER = 3600.0

_log = Logger("lifecycle")


@frozen(kw_only=True)
class Behaviour:
    """Outcomes of its steps."""

    begin: Literal["well", "crash"] = "well"
    start: Literal["well", "fault", "crash", "never"] = "well"
    stop: Literal["well", "crash", "never"] = "well"


class First(Application[Behaviour]):
    """Requests that take their time, or come to nothing."""

    name = "first"
    mounts = ("slow",)
    settings_type = Behaviour
    app = Klein()

    def __init__(self, settings: Behaviour, tools: Tools) -> None:
        super().__init__(settings, tools)
        if settings.begin == "crash":
            raise RuntimeError("spilt milk")

    async def start(self) -> None:
        """Start, or not."""
        match self.settings.start:
            case "fault":
                raise OperatorError([f"{self.name} lacks something: get it", "and something else: get that too"])
            case "crash":
                raise RuntimeError("spilt milk")
            case "never":
                await deferLater(self.tools.clock, FOREVER)
        _log.info("{name} has started", name=self.name)

    async def stop(self) -> None:
        """Stop, or fail to."""
        _log.info("{name} stops", name=self.name)
        match self.settings.stop:
            case "crash":
                raise RuntimeError("spilt milk")
            case "never":
                await self.tools.threads.run(time.sleep, FOREVER)

    @route(app, "GET", "/slow/request")
    async def think(self, request: Request) -> Message:
        """Answer after a while."""
        await deferLater(self.tools.clock, PAUSE)
        return Message(message="at last")

    @route(app, "GET", "/slow/crash")
    async def crash(self, request: Request) -> Message:
        """Fail, in a way that nobody outside must learn of."""
        raise RuntimeError("spilt milk")

    @route(app, "GET", "/slow/forever")
    async def dream(self, request: Request) -> Message:
        """Answer too late for anybody."""
        await deferLater(self.tools.clock, FOREVER)
        return Message(message="at last")


class Second(First):
    """Starts after the first and stops before it."""

    name = "second"
    mounts = ("nothing",)
    app = Klein()
