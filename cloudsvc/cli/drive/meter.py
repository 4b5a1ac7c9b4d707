"""Progress meter on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import click
from attrs import define, field

from cloudsvc.administration.progress import SILENCE, Progress

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Progress bars on standard error where that is a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield SILENCE
        return
    with ExitStack() as bars:
        yield _Bars(bars=bars)


@define(kw_only=True)
class _Bars:
    """Shows one bar at a time."""

    _bars: ExitStack
    _advance: Callable[[int], None] = field(default=lambda _: None, init=False)

    def begin(self, work: str, total: int) -> None:
        self._bars.close()
        self._advance = self._bars.enter_context(click.progressbar(length=total, label=work, file=sys.stderr)).update

    def advance(self, size: int) -> None:
        self._advance(size)


def format_size(size: int) -> str:
    """So many bytes, for people: ``1.5 MiB``."""
    value, unit = float(size), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.{1 if unit else 0}f} {_UNITS[unit]}"


def format_count(count: int, noun: str) -> str:
    """So many of something: ``1 file``, ``1,234 files``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
