"""An application that notes how late the reactor of its server is."""

from __future__ import annotations

from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall

from cloudsvc.extend import Application, Klein, Message, NoSettings, Request, Tools, route

NAME: Final = f"{__name__}:Lateness"
PATH: Final = "/api/lateness"

_INTERVAL: Final = 0.002


@frozen(kw_only=True)
class Late(Message):
    """How much later than asked each call came since this was last told, in milliseconds."""

    samples: tuple[float, ...]


class Lateness(Application[NoSettings]):
    """Asks to be called every 2 ms."""

    name = "lateness"
    mounts = ("lateness",)
    app = Klein()

    def __init__(self, settings: NoSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        self._samples: list[float] = []
        self._due = 0.0
        self._call: IDelayedCall | None = None

    async def start(self) -> None:
        """Begin."""
        self._schedule()

    async def stop(self) -> None:
        """End."""
        if self._call is not None:
            self._call.cancel()

    @route(app, "GET", "/lateness")
    async def tell(self, request: Request) -> Late:
        """Tell, and begin anew."""
        samples, self._samples = self._samples, []
        return Late(message="lateness", samples=tuple(samples))

    def _schedule(self) -> None:
        self._due = self.tools.clock.seconds() + _INTERVAL
        self._call = self.tools.clock.callLater(_INTERVAL, self._note)

    def _note(self) -> None:
        self._samples.append(1e3 * (self.tools.clock.seconds() - self._due))
        self._schedule()
