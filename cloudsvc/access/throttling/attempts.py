"""
Brute-force protection: a limit on the credentials of one client that are evaluated, right or wrong alike.

They may be of whatever kind, and are called keys here.

Up to the rate of wrong keys nothing happens to a client. Beyond it none of its keys is evaluated until the window ends:
a guess then tells nothing, because the right key gets the same answer. While the guessing goes on, half of each further
window is kept for keys that *come back* after the wait they were told. Whoever guesses has a new key each time, whoever
holds the right one has only that: so it gets in, even from behind the address of a guesser. Wrong keys that come back
have their turn as well, and then none for long.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from attrs import define, field
from twisted.logger import Logger

from cloudsvc.access.throttling.counter import Counter
from cloudsvc.access.throttling.store import Decision
from cloudsvc.access.throttling.throttle import FAILURE, Throttle
from cloudsvc.core.clock import WallClock
from cloudsvc.core.locks import Lock
from cloudsvc.core.rates import Rate, parse_rate

_log = Logger()

LAPSED: Final = "lapsed"
"""The class of credentials that nobody could guess, and that prove nothing: they have ended."""

LAPSED_RATE: Final = parse_rate("100/minute")
"""How many of these of one client are looked up. Each browser behind its address has one, and shows it no more then."""

_NAMES: Final = {FAILURE: "keys", LAPSED: "cookies"}
"""What is told of each class."""

_MOST_CLIENTS: Final = 10_000
"""Clients with wrong keys that are remembered; some 4 MB. The first to go is the one longest without a wrong key."""

_MOST_REFUSED: Final = 50_000
"""Refused keys in each of two generations; some 12 MB in all. A thousand guesses a second take 50 s to fill one."""

_WRONG_AGAIN: Final = 3600.0
"""
Seconds in which a key that came back and was wrong gets no other place. Else whoever goes through the same hundred keys
again and again would have all places, for ever.
"""

_LONGEST_WAIT: Final = 60.0
"""Seconds that a key is told to wait for one of the places that are kept, however low the rate is."""


@define(eq=False)
class _Client:
    """
    A client that has shown wrong keys. All moments are seconds since the epoch.

    :ivar turn: one key at a time is evaluated and counted, so that many at once are no way around the count.
    :ivar guessing_until: until then new keys have a part of the rate only.
    :ivar closed_until: until then no new key is evaluated.
    :ivar full_until: until then no key at all is evaluated.
    """

    turn: Lock = field(factory=Lock)
    guessing_until: float = 0.0
    closed_until: float = 0.0
    full_until: float = 0.0


@define(eq=False)
class AttemptLimits:
    """
    A decision whether the verdict on a key may be told.

    The count is that of the rate-limit store, which several servers may share; what else is remembered is in memory,
    bounded, and holds digests of keys only. While that is unavailable, this server counts alone.

    :param throttle: counts by the rate of its class ``failure``.
    :param kind: what is counted together: :data:`FAILURE` or :data:`LAPSED`.
    :param rate: another rate than that.
    """

    _throttle: Throttle
    _now: WallClock
    _most_clients: int = _MOST_CLIENTS
    _most_refused: int = _MOST_REFUSED
    _kind: str = FAILURE
    _rate: Rate = field()
    _new_keys: Rate | None = field(init=False)
    _wait: float = field(init=False)
    _clients: OrderedDict[str, _Client] = field(init=False, repr=False, factory=OrderedDict)
    _refused: dict[int, float] = field(init=False, repr=False, factory=dict)
    _refused_before: dict[int, float] = field(init=False, repr=False, factory=dict)
    _counter: Counter = field(init=False, repr=False)

    @_rate.default
    def _find_rate(self) -> Rate:
        return self._throttle.rate_of(FAILURE)

    @_new_keys.default
    def _halve(self) -> Rate | None:
        """What new keys get of a window while the guessing goes on; ``None`` where one key is all that is evaluated."""
        half = self._rate.amount // 2
        return self._rate._replace(amount=half) if half else None

    @_wait.default
    def _space(self) -> float:
        return min(self._rate.seconds / self._rate.amount, _LONGEST_WAIT)

    @_counter.default
    def _make_counter(self) -> Counter:
        return Counter(self._throttle, self._now)

    async def admit(self, client: str, presented: int, *, valid: bool) -> Decision | None:
        """
        Count a key that ``client`` has presented.

        :param client: its bucket.
        :param presented: a digest of client and key.
        :param valid: the verdict. A client that has shown no wrong key lately may show a valid one any number of times.
        :return: ``None`` where the verdict may be told; otherwise until when nobody learns it.
        """
        if not valid:
            known: _Client | None = self._remember(client)
        else:
            self._learn(client)
            known = self._clients.get(client)
        if known is None:
            return None
        await known.turn.acquire()
        try:
            return await self._decide(known, client, presented, valid=valid)
        finally:
            known.turn.release()

    def _learn(self, client: str) -> None:
        """Know of a client what others have found who share the count: or a right key would be told from wrong ones."""
        whole = self._throttle.peek(self._rate, self._kind, client, "")
        if whole is None:
            return
        if not whole.remaining:
            known = self._remember(client)
            known.closed_until = known.full_until = whole.reset_at
        elif self._new_keys is not None:
            part = self._throttle.peek(self._new_keys, self._kind, client, "new")
            if part is not None and not part.remaining:
                self._remember(client).closed_until = part.reset_at

    def refuse_unseen(self, client: str, presented: int) -> Decision | None:
        """
        The refusal of a key that nobody needs to evaluate, since it is refused whether it is right or wrong.

        So guesses beyond the rate cost no look-ups. For parameters and result see :meth:`admit`; ``None`` where the key
        has to be evaluated.
        """
        known = self._clients.get(client)
        if known is None or not self._lies_ahead(known.closed_until):
            return None
        if not self._lies_ahead(known.full_until) and self._has_come_back(presented):
            return None
        self._clients.move_to_end(client)
        return self._refuse(known, presented, valid=False)

    async def _decide(self, known: _Client, client: str, presented: int, *, valid: bool) -> Decision | None:
        if not self._lies_ahead(known.closed_until):
            if valid:
                self._forget_if_over(known, client)
                return None
            if await self._evaluate_new(known, client):
                self._put_off(presented, self._rate.seconds)
                return None
        elif (
            not self._lies_ahead(known.full_until)
            and self._has_come_back(presented)
            and await self._count(known, client)
        ):
            if not valid:
                self._put_off(presented, max(self._rate.seconds, _WRONG_AGAIN))
            return None
        return self._refuse(known, presented, valid=valid)

    async def _evaluate_new(self, known: _Client, client: str) -> bool:
        """Whether there is a place for a new key; a wrong one, since others take none now."""
        if self._lies_ahead(known.guessing_until):
            if self._new_keys is None:
                known.closed_until = known.guessing_until
                return False
            part = await self._counter.hit(self._new_keys, self._kind, client, "new")
            if not part.allowed:
                known.closed_until = part.reset_at
                return False
        return await self._count(known, client)

    async def _count(self, known: _Client, client: str) -> bool:
        """Whether the window has a place, which is then taken."""
        decision = await self._counter.hit(self._rate, self._kind, client, "")
        if not decision.allowed or not decision.remaining:
            if not self._lies_ahead(known.full_until):
                _log.warn(
                    "too many wrong {kind} from {client}: for {seconds} s none of its {kind} is evaluated",
                    kind=_NAMES[self._kind],
                    client=client,
                    seconds=max(1, round(decision.reset_at - self._now())),
                )
            known.closed_until = known.full_until = decision.reset_at
        return decision.allowed

    def _refuse(self, known: _Client, presented: int, *, valid: bool) -> Decision:
        now = self._now()
        if not valid:  # or whoever has the right key and does not wait would prolong the wait
            known.guessing_until = now + 2 * self._rate.seconds
        wait_until = self._refused.get(presented) or self._refused_before.get(presented)
        if wait_until is None:
            wait_until = self._put_off(presented, self._wait)
        full_until = known.full_until if self._lies_ahead(known.full_until) else now
        return Decision(
            allowed=False, limit=self._rate.amount, remaining=0, reset_at=max(now + 1, wait_until, full_until)
        )

    def _has_come_back(self, presented: int) -> bool:
        wait_until = self._refused.get(presented) or self._refused_before.get(presented)
        return wait_until is not None and wait_until <= self._now()

    def _put_off(self, presented: int, seconds: float) -> float:
        if len(self._refused) >= self._most_refused:
            self._refused, self._refused_before = {}, self._refused
        self._refused[presented] = wait_until = self._now() + seconds
        return wait_until

    def _remember(self, client: str) -> _Client:
        known = self._clients.setdefault(client, _Client())
        self._clients.move_to_end(client)
        if len(self._clients) > self._most_clients:
            self._clients.popitem(last=False)
        return known

    def _forget_if_over(self, known: _Client, client: str) -> None:
        """Drop what there is to remember of a client once it no longer matters."""
        if not self._lies_ahead(known.guessing_until) and not known.turn.is_wanted:
            self._clients.pop(client, None)

    def _lies_ahead(self, moment: float) -> bool:
        """Whether ``moment`` is yet to come. One further ahead than any could be was set before the clock was."""
        return 0 < moment - self._now() <= 2 * self._rate.seconds + 1
