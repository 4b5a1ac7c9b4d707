"""Limits of keys in time and rate: what is made by the help of a key has none that are wider than its own."""

from __future__ import annotations

from cloudsvc.core.rates import parse_rate
from cloudsvc.identity.errors import expiry_too_late, rate_too_fast
from cloudsvc.identity.keys import Key


def check_limits(key: Key, acting: Key | None) -> None:
    """
    See that ``key`` ends no later, and may be used no more often, than the key by which somebody asks for it.

    :param acting: that key; ``None`` for what has neither an end nor a rate.
    :raises CloudError: it does, or may.
    """
    if acting is None:
        return
    if acting.expires_at is not None and (key.expires_at is None or key.expires_at > acting.expires_at):
        raise expiry_too_late()
    if not is_within_rate(key.rate, acting.rate):
        raise rate_too_fast()


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
