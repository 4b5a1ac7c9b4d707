"""All open connections: how many there may be, how long each may take for what, and how they end when we stop."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cloudsvc.access.clients import Clients
from cloudsvc.web.bounds import ConnectionBounds

if TYPE_CHECKING:
    from cloudsvc.web.channel import Channel

_log = Logger("cloudsvc.web")

SWEEP_SECONDS: Final = 1.0


@define(eq=False)
class Connections:
    """
    The register of open channels.

    One sweep a second looks at every deadline, which costs a request nothing; a timer of its own for each phase of
    each request cost several microseconds.
    """

    bounds: ConnectionBounds
    clock: IReactorTime
    clients: Clients
    draining: bool = False
    refused: Counter[str] = field(factory=Counter)
    _open: dict[Channel, str | None] = field(factory=dict)
    _per_client: Counter[str] = field(factory=Counter)
    _empty: Deferred[None] | None = None
    _sweeper: LoopingCall | None = None

    def __len__(self) -> int:
        return len(self._open)

    def start(self) -> None:
        """Begin to watch deadlines."""
        self._sweeper = LoopingCall(self.sweep)
        self._sweeper.clock = self.clock
        self._sweeper.start(SWEEP_SECONDS, now=False)

    def stop(self) -> None:
        """Stop watching deadlines."""
        if self._sweeper is not None and self._sweeper.running:
            self._sweeper.stop()

    def admit(self, channel: Channel) -> bool:
        """Take ``channel`` into the register, or say that one of the bounds is reached."""
        if len(self._open) >= self.bounds.total:
            self.refused["total"] += 1
            return False
        # A proxy's connections carry many clients, so they count in the total only.
        host = getattr(channel.transport.getPeer(), "host", None)
        client = self.clients.identify(host, ())
        bucket = None if host is None or self.clients.trusts(host) else client.bucket
        if bucket is not None:
            if self._per_client[bucket] >= self.bounds.per_client:
                self.refused["per_client"] += 1
                return False
            self._per_client[bucket] += 1
        self._open[channel] = bucket
        return True

    def remove(self, channel: Channel) -> None:
        """Forget a channel whose connection is gone."""
        if channel not in self._open:
            return
        bucket = self._open.pop(channel)
        if bucket is not None:
            self._per_client[bucket] -= 1
            if not self._per_client[bucket]:
                del self._per_client[bucket]
        if not self._open and self._empty is not None:
            empty, self._empty = self._empty, None
            empty.callback(None)

    def sweep(self) -> None:
        """Tell every channel whose deadline has passed."""
        now = self.clock.seconds()
        for channel in [channel for channel in self._open if channel.deadline <= now]:
            try:
                channel.deadline_passed()
            except Exception:  # noqa: BLE001  # whatever it was, the deadlines of the others still count
                _log.failure("a connection could not be closed at its deadline")
                channel.abort()

    async def drain(self, seconds: float) -> None:
        """
        Close idle connections now and each busy one after its answer; after ``seconds`` close whatever is left.

        Returns when no connection is open any more.
        """
        self.draining = True
        for channel in list(self._open):
            channel.retire()
        if not self._open:
            return
        deadline = self.clock.callLater(seconds, self.abort)
        self._empty = Deferred()
        await self._empty
        if deadline.active():
            deadline.cancel()

    def abort(self) -> None:
        """Close every connection at once, whatever it is doing."""
        for channel in list(self._open):
            channel.abort()
