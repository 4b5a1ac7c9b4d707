"""Programs in the place of the one that decodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater


def current() -> Any:
    """The running reactor."""
    from twisted.internet import reactor  # noqa: PLC0415 - installed by then

    return reactor


def mark(file: Path, then: str = "time.sleep(600)") -> str:
    """A program that notes in ``file`` that it has been started."""
    return f"import pathlib, time; pathlib.Path({str(file)!r}).open('a').write('x'); {then}"


def count_starts(file: Path) -> int:
    """How often it has been started."""
    return len(file.read_text()) if file.exists() else 0


async def until_there(file: Path, starts: int = 1) -> None:
    """Return when it has been started so often."""
    while count_starts(file) < starts:
        await deferLater(current(), 0.01)
