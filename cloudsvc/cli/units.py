"""Numbers and sizes in sentences."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024


def format_size(size: int) -> str:
    """So many bytes, for people: ``1.5 MiB``."""
    value, unit = float(size), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.{1 if unit else 0}f} {_UNITS[unit]}"


def format_count(count: int, noun: str) -> str:
    """So many of something: ``1 file``, ``1,234 files``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
