"""Limits of keys in time and rate: what is made by the help of a key has none that are wider than its own."""

from __future__ import annotations

from cloudsvc.core.clock import Instant
from cloudsvc.core.rates import parse_rate
from cloudsvc.identity.errors import expiry_too_late, rate_too_fast
from cloudsvc.identity.keys import Key


def check_limits(key: Key, acting: Key | None) -> None:
    """
    See that ``key`` ends no later, and may be used no more often, than the key by which somebody asks for it.

    :param acting: that key; ``None`` for what has neither an end nor a rate.
    :raises CloudError: it does, or may.
    """
    check_end(key.expires_at, acting)
    if acting is not None and not is_within_rate(key.rate, acting.rate):
        raise rate_too_fast()


def check_end(expires_at: Instant | None, acting: Key | None) -> None:
    """
    See that something ends no later than the key by which somebody asks for it.

    :param expires_at: ``None`` for what does not end.
    :param acting: as :func:`check_limits` has it.
    :raises CloudError: it does.
    """
    latest = None if acting is None else acting.expires_at
    if latest is not None and (expires_at is None or expires_at > latest):
        raise expiry_too_late()


def is_within_rate(rate: str | None, most: str | None) -> bool:
    """
    Whether ``rate`` lets through no more than ``most``, neither at once nor in the long run; ``None`` is no rate.

    Two rates may each let through what the other one does not: ``10/second`` and ``100/minute`` do.
    """
    if most is None:
        return True
    if rate is None:
        return False
    lower, upper = parse_rate(rate), parse_rate(most)
    return lower.amount <= upper.amount and lower.amount * upper.seconds <= upper.amount * lower.seconds
