"""Numbers and sizes in sentences, and sizes as they are typed."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

import click

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024

_SIZE: Final = re.compile(r"([0-9]{1,16}(?:\.[0-9]{1,9})?) ?([KMGTP]iB|B|)")
_PREFIXES: Final = " KMGTP"
_MOST: Final = 2**62

_NONE: Final = "none"
"""The size that ends a quota."""


def format_size(size: int) -> str:
    """So many bytes, for people: ``1.5 MiB``."""
    value, unit = float(size), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.{1 if unit else 0}f} {_UNITS[unit]}"


def format_count(count: int, noun: str) -> str:
    """So many of something: ``1 file``, ``1,234 files``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def parse_quota(text: str) -> int | None:
    """
    A size in bytes; ``None`` for what ends a quota.

    :raises click.BadParameter: it is none.
    """
    if text == _NONE:
        return None
    found = _SIZE.fullmatch(text)
    if found is not None:
        number, unit = found.groups()
        size = int(Decimal(number) * _STEP ** (_PREFIXES.index(unit[0]) if len(unit) > 1 else 0))
        if size <= _MOST:
            return size
    raise click.BadParameter(
        f"{text!r} is no size; write one such as 1048576, 500MiB or 1.5GiB, or {_NONE}", param_hint="SIZE"
    )
