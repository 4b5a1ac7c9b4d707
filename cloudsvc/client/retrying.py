"""Retries: when a request is sent again, and after how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final, TypeVar

from attrs import define, field, frozen

from cloudsvc.client.effects import Answer, Call, Flow, Open, Send, Sleep
from cloudsvc.client.errors import (
    ClientError,
    ThrottledError,
    UnavailableError,
    UnreachableError,
    UntrustedError,
    as_error,
)

T = TypeVar("T")

_LONGEST_STEP: Final = 10.0
"""Seconds between two attempts, where the server does not say."""


@frozen(kw_only=True)
class RetryPolicy:
    """
    Bounds of retries.

    :ivar attempts: how often a request is sent, the first time included.
    :ivar first_delay: seconds to wait at most before the second; each further one may wait twice as long.
    :ivar longest_wait: seconds in all that may be waited for one request. A ``Retry-After`` beyond it is no use.
    """

    attempts: int = 4
    first_delay: float = 0.5
    longest_wait: float = 60.0


@define
class Retries:
    """The retries of one request, or of one download, so far."""

    _policy: RetryPolicy
    # Two clients that failed together are not to come back together (full jitter).
    _draw: Callable[[float, float], float] = random.uniform
    _failures: int = field(default=0, init=False)
    _waited: float = field(default=0.0, init=False)

    def decide(self, call: Call[Any], error: ClientError) -> float | None:
        """Seconds to wait before ``call`` is sent again after ``error``; ``None`` where it is not."""
        self._failures += 1
        if self._failures >= self._policy.attempts or not call.can_be_sent_again or not _is_safe(call, error):
            return None
        bound = min(_LONGEST_STEP, self._policy.first_delay * 2 ** (self._failures - 1))
        delay = self._draw(0.0, bound)
        asked = getattr(error, "retry_after", None)
        if asked is not None:
            delay += asked
        if self._waited + delay > self._policy.longest_wait:
            return None
        self._waited += delay
        return delay

    def succeed(self) -> None:
        """Begin to count anew: something has arrived."""
        self._failures, self._waited = 0, 0.0


def _is_safe(call: Call[Any], error: ClientError) -> bool:
    match error:
        case UntrustedError():
            return False
        case UnreachableError():
            return call.repeatable or not error.begun
        case ThrottledError():
            return True
        case UnavailableError():
            # Of a change, whether it is one that was refused or one that an engine did not confirm, is not told.
            return call.repeatable and (error.retry_after is not None or call.method in {"GET", "HEAD"})
    return False


def ask(call: Call[T], policy: RetryPolicy) -> Flow[T]:
    """What ``call`` means, sent as often as that is safe."""
    return call.parse((yield from _attempt(Send, call, Retries(policy))))


def open_answer(call: Call[Any], retries: Retries) -> Flow[Answer]:
    """The beginning of the answer to ``call``, whose content is then read."""
    return (yield from _attempt(Open, call, retries))


def _attempt(effect: type[Send | Open], call: Call[Any], retries: Retries) -> Flow[Answer]:
    while True:
        try:
            answer: Answer = yield effect(call)
            error = as_error(answer)
        except UnreachableError as problem:
            error = problem
        else:
            if error is None:
                return answer
        delay = retries.decide(call, error)
        if delay is None:
            raise error
        yield Sleep(delay)
