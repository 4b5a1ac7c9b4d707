"""Progress meter on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import click
from attrs import define, field

from cloudsvc.administration.progress import SILENCE, Progress


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
