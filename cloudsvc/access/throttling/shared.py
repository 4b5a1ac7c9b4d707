"""Rate-limit store that several servers share: Redis or Memcached."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Final, TypeAlias, TypeVar

from attrs import define, field
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import Storage
from limits.strategies import RateLimiter

from cloudsvc.access.throttling.store import Decision, StoreUnavailable
from cloudsvc.core.clock import WallClock
from cloudsvc.core.rates import Rate
from cloudsvc.core.threads import ThreadRunner

T = TypeVar("T")

Note: TypeAlias = Callable[[str, float], object]

_PAUSE: Final = 5.0
"""Seconds for which a storage that has failed is left alone."""

_MOST_CALLS: Final = 1_000
"""A storage that answers is far from having so many under way."""

_NAMESPACE: Final = "cloudsvc"


@define(eq=False, kw_only=True)
class SharedStore:
    """
    A rate-limit store in a storage of the ``limits`` library, asked in threads.

    A failure opens a circuit: calls fail at once, those that wait for a thread too, and after each pause one call tries
    whether the storage answers again. So one that hangs costs one time-out, however many requests come.

    :param limiter: counts, by a strategy of ``limits``, in ``storage``. Its calls must time out.
    :param disconnect: lets go of idle connections, and of no other: whoever fails does not take theirs from others.
    :param now: paces the tries.
    :param note: is told, in a thread, what came of each call (``done`` or ``failed``), and after how many seconds.
    :param most_calls: may be under way, or wait for a thread.
    """

    _storage: Storage
    _limiter: RateLimiter
    _disconnect: Callable[[], object]
    _runner: ThreadRunner
    _now: WallClock
    _note: Note
    _monotonic: Callable[[], float] = time.monotonic
    _most_calls: int = _MOST_CALLS
    _failed_at: float | None = field(default=None, init=False)
    _closed: bool = field(default=False, init=False)
    _places: BoundedSemaphore = field(init=False, repr=False)

    @_places.default
    def _make_places(self) -> BoundedSemaphore:
        return BoundedSemaphore(self._most_calls)

    async def hit(self, rate: Rate, *key: str) -> Decision:
        """See :class:`~cloudsvc.access.throttling.store.RateLimitStore`."""
        # A digest has no address of a client in it, and fits Memcached, where a key has 250 bytes.
        name = hashlib.blake2b("\0".join(key).encode(errors="backslashreplace"), digest_size=16).hexdigest()
        return await self._run(self._hit, RateLimitItemPerSecond(rate.amount, rate.seconds, _NAMESPACE), name)

    def peek(self, rate: Rate, *key: str) -> Decision | None:
        """Nothing: asking takes a while."""

    async def check(self) -> None:
        """See :class:`~cloudsvc.access.throttling.store.RateLimitStore`."""
        await self._run(self._check)

    async def close(self) -> None:
        """See :class:`~cloudsvc.access.throttling.store.RateLimitStore`."""
        self._closed = True
        await self._runner.run(self._disconnect)

    def _hit(self, item: RateLimitItem, name: str) -> Decision:
        allowed = self._limiter.hit(item, name)
        reset_at, remaining = self._limiter.get_window_stats(item, name)
        return Decision(allowed, item.amount, remaining if allowed else 0, reset_at)

    def _check(self) -> None:
        if not self._storage.check():
            raise ConnectionError

    async def _run(self, call: Callable[..., T], *args: object) -> T:
        failed_at = self._failed_at
        if failed_at is not None:
            now = self._now()
            if 0 <= now - failed_at < _PAUSE:
                raise StoreUnavailable("it failed a moment ago")
            self._failed_at = failed_at = now  # this call tries; meanwhile the others go without
        if not self._places.acquire(blocking=False):
            raise StoreUnavailable("too many calls wait for it")
        return await self._runner.run(self._attempt, failed_at, call, *args)

    def _attempt(self, failed_at: float | None, call: Callable[..., T], *args: object) -> T:
        """
        Make a call, in a thread. The place is given back here, not where the caller waits: a caller may leave early,
        the call in its thread goes on.
        """
        try:
            return self._try(failed_at, call, *args)
        finally:
            if self._closed:
                self._disconnect()
            self._places.release()

    def _try(self, failed_at: float | None, call: Callable[..., T], *args: object) -> T:
        if self._failed_at not in (None, failed_at):
            raise StoreUnavailable("it failed while this call waited")
        begun_at, outcome = self._monotonic(), "failed"
        try:
            result = call(*args)
            outcome = "done"
        except Exception as error:  # noqa: BLE001 - clients of storages raise all sorts, OSError and their own
            self._failed_at = self._now()
            self._disconnect()
            raise StoreUnavailable(_explain(error)) from None
        finally:
            self._note(outcome, self._monotonic() - begun_at)
        self._failed_at = None
        return result


def _explain(error: BaseException) -> str:
    """What has failed. The error's own text may hold parts of an address with a password."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate cannot be verified: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
