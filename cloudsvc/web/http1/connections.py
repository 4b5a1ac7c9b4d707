"""Register of open connections: their number, their deadlines, and their draining when the server stops."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from math import inf
from typing import Any, Final, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cloudsvc.access.clients import Clients
from cloudsvc.core.actors import Principal
from cloudsvc.web.http1.bounds import ConnectionBounds
from cloudsvc.web.http1.elsewhere import Elsewhere, Nowhere
from cloudsvc.web.http1.turns import Turns

_log = Logger("cloudsvc.web")

SWEEP_SECONDS: Final = 1.0


class Deadline(Protocol):
    """
    What the register needs of a connection's deadline.

    :ivar at: seconds on the register's clock at which :meth:`evaluate` is called.
    """

    at: float

    def evaluate(self) -> None:
        """It has passed: close, or have another one."""


class Connection(Protocol):
    """What the register needs of a connection."""

    transport: Any

    @property
    def deadlines(self) -> Deadline: ...

    @property
    def principal(self) -> Principal | None:
        """Who was let in by the credential of the request that is under way, if anybody was."""
        ...

    @property
    def is_changing(self) -> bool:
        """Whether a request is under way that changes something and has arrived whole."""
        ...

    @property
    def spare_since(self) -> float:
        """From when on nobody has waited for anything on it; infinite where somebody does."""
        ...

    def retire(self) -> None:
        """Close now when idle, otherwise after the answer that is under way."""

    def abort(self) -> None:
        """Close at once. What has arrived whole is carried through all the same."""

    def cut_off(self) -> None:
        """Close at once, whatever is under way."""


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
    elsewhere: Elsewhere = field(factory=Nowhere)
    draining: bool = False
    refused: Counter[str] = field(factory=Counter)
    _open: dict[Connection, str | None] = field(factory=dict)
    _per_client: Counter[str] = field(factory=Counter)
    _silent: dict[Connection, None] = field(factory=dict)  # the oldest first, as below; each is in _open too
    _silent_of: dict[str, dict[Connection, None]] = field(factory=dict)
    _spare: deque[Connection] | None = None  # as of some moment since the last sweep, of those in _open
    turns: Turns = field(init=False)
    _empty: Deferred[None] | None = None
    _sweeper: LoopingCall | None = None

    @turns.default
    def _make_turns(self) -> Turns:
        return Turns(self.clock)

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

    def admit(self, channel: Connection) -> bool:
        """
        Take ``channel`` into the register, or say that one of the bounds is reached.

        There, the oldest connection that has never sent a whole head gives way to the new one: those who say nothing
        cannot keep out those who have something to say. Nor can those who have said it: where no connection at all is
        left, the one gives way that has waited longest for another request, or for its client to go.
        """
        # A proxy's connections carry many clients, so they count in the total only.
        host = getattr(channel.transport.getPeer(), "host", None)
        client = self.clients.identify(host, ())
        bucket = None if host is None or self.clients.trusts(host) else client.bucket
        silent = {} if bucket is None else self._silent_of.get(bucket, {})
        if bucket is not None and self._per_client[bucket] + self.elsewhere.count(bucket) >= self.bounds.per_client:
            self.refused["per_client"] += 1
            if not self._close_oldest(silent):
                return False
        if self._is_full():
            self.refused["total"] += 1
            if not (self._close_oldest(self._silent) or self._close_spare()):
                return False
        self._open[channel] = bucket
        self._silent[channel] = None
        if bucket is not None:
            self._per_client[bucket] += 1
            self._silent_of.setdefault(bucket, {})[channel] = None
        self._tell(bucket)
        return True

    def _is_full(self) -> bool:
        own = len(self._open)
        return own >= self.bounds.of_process or own + self.elsewhere.count_all() >= self.bounds.total

    def _tell(self, bucket: str | None) -> None:
        self.elsewhere.note(bucket, 0 if bucket is None else self._per_client[bucket], len(self._open))

    def heard(self, channel: Connection) -> None:
        """A whole head has come from ``channel``, the first one."""
        self._silent.pop(channel, None)
        bucket = self._open.get(channel)
        silent = None if bucket is None else self._silent_of.get(bucket)
        if bucket is not None and silent is not None:
            silent.pop(channel, None)
            if not silent:
                del self._silent_of[bucket]

    def _close_oldest(self, silent: dict[Connection, None]) -> bool:
        oldest = next(iter(silent), None)
        if oldest is None:
            return False
        self._give_up(oldest)
        return True

    def _close_spare(self) -> bool:
        if self._spare is None:
            # Once in each sweep, or else whoever connects at the bound would make us look through all, each time.
            moments = {channel: channel.spare_since for channel in self._open}
            self._spare = deque(sorted((each for each in moments if moments[each] < inf), key=moments.__getitem__))
        while self._spare:
            channel = self._spare.popleft()
            if channel in self._open and channel.spare_since < inf:
                self._give_up(channel)
                return True
        return False

    def _give_up(self, channel: Connection) -> None:
        self.remove(channel)
        channel.abort()

    def remove(self, channel: Connection) -> None:
        """Forget a channel whose connection is gone."""
        if channel not in self._open:
            return
        self.heard(channel)
        bucket = self._open.pop(channel)
        if bucket is not None:
            self._per_client[bucket] -= 1
        self._tell(bucket)
        if bucket is not None and not self._per_client[bucket]:
            del self._per_client[bucket]
        if not self._open and self._empty is not None:
            empty, self._empty = self._empty, None
            empty.callback(None)

    def sweep(self) -> None:
        """Tell every channel whose deadline has passed."""
        now = self.clock.seconds()
        self._spare = None
        for channel in [channel for channel in self._open if channel.deadlines.at <= now]:
            try:
                channel.deadlines.evaluate()
            except Exception:  # noqa: BLE001  # whatever it was, the deadlines of the others still count
                _log.failure("a connection could not be closed at its deadline")
                channel.abort()

    def list_credentials(self) -> frozenset[str]:
        """The names of the credentials by which requests were let in that are under way now."""
        principals = (channel.principal for channel in self._open)
        return frozenset(each.credential for each in principals if each is not None and each.credential)

    def end(self, is_refused: Callable[[Principal], bool], *, spares_changes: bool = False) -> int:
        """
        Close all connections at once on which a request is under way that would not be let in any more. What has
        arrived whole is carried through; no answer goes on. How many there were.

        :param is_refused: says so of principals whose credential has a name.
        :param spares_changes: whether to leave those alone on which a change is under way that has arrived whole.
        """
        principals = [(channel, channel.principal) for channel in self._open]
        ended = [channel for channel, each in principals if each is not None and each.credential and is_refused(each)]
        if spares_changes:
            ended = [channel for channel in ended if not channel.is_changing]
        for channel in ended:
            channel.abort()
        return len(ended)

    async def wind_down(self, seconds: float) -> None:
        """
        Let each connection end with its next answer, without closing any that waits for a request.

        Returns when no connection is open any more, or after ``seconds``.
        """
        self.draining = True
        await self._wait_until_empty(seconds, lambda empty: empty.callback(None))

    async def drain(self, seconds: float) -> None:
        """
        Close idle connections now and each busy one after its answer; after ``seconds`` close whatever is left.

        Returns when no connection is open any more.
        """
        self.draining = True
        for channel in list(self._open):
            channel.retire()
        await self._wait_until_empty(seconds, lambda _: self.abort())

    async def _wait_until_empty(self, seconds: float, lose_patience: Callable[[Deferred[None]], object]) -> None:
        if not self._open:
            return
        empty: Deferred[None] = Deferred()
        self._empty = empty
        deadline = self.clock.callLater(seconds, lose_patience, empty)
        try:
            await empty
        finally:
            if deadline.active():
                deadline.cancel()
            if self._empty is empty:
                self._empty = None

    def abort(self) -> None:
        """Close every connection at once, whatever it is doing."""
        for channel in list(self._open):
            channel.cut_off()
