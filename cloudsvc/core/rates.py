"""Rates, as people write them."""

from __future__ import annotations

from typing import Final, NamedTuple

import limits

_LONGEST: Final = 30 * 24 * 60 * 60
"""Seconds. Memcached takes a longer time to live for a date in 1970."""


class Rate(NamedTuple):
    """
    So many in so much time. (A tuple, because it is hashed on every request.)

    :ivar amount: at least one.
    :ivar seconds: length of the window.
    :ivar text: as it was written.
    """

    amount: int
    seconds: int
    text: str


def parse_rate(text: str) -> Rate:
    """
    The rate that ``text`` describes, such as ``100/minute`` or ``5 per 2 hours``.

    :raises ValueError: says what to write instead.
    """
    try:
        item, *others = limits.parse_many(text)
    except ValueError:
        raise ValueError(f"{text!r} is no rate; write one like '100/minute' or '5 per 2 hours'") from None
    if others:
        raise ValueError(f"{text!r} is more than one rate; write one like '100/minute'")
    if item.amount < 1:
        raise ValueError(f"{text!r} lets nobody in; write an amount of at least 1")
    if item.get_expiry() > _LONGEST:
        raise ValueError(f"{text!r} counts for too long; write at most 30 days")
    return Rate(item.amount, item.get_expiry(), text)
