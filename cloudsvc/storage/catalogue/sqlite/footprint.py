"""Disk footprint of a catalogue, with its log and its copies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Final

from attrs import define

_PARTS: Final = ("", "-wal", "-shm")
"""What is appended to the name of a database for each of its files (https://www.sqlite.org/tempfiles.html)."""


_BELIEVED_SECONDS: Final = 1.0
"""For so long a number is believed to be as it was: every upload asks for it."""


@define(eq=False, kw_only=True)
class FileFootprint:
    """
    A :class:`~cloudsvc.storage.catalogue.upkeep.Footprint`: the bytes that a database takes with its log, and whatever
    is in some directories.

    :ivar beside: those directories.
    :ivar monotonic: a clock in seconds.
    :ivar size: what was found last.
    """

    _database: Path
    _beside: Sequence[Path]
    _monotonic: Callable[[], float]
    size: int = 0
    _measured_at: float = -inf

    @property
    def is_recent(self) -> bool:
        """Whether :attr:`size` still counts."""
        return self._monotonic() - self._measured_at < _BELIEVED_SECONDS

    def read(self, connection: object) -> int:
        """The bytes as they were lately, or else now. Blocks."""
        return self.size if self.is_recent else self.measure(connection)

    def measure(self, connection: object) -> int:
        """The bytes now. What comes and goes meanwhile may count or not. Blocks."""
        del connection
        files = [self._database.with_name(self._database.name + part) for part in _PARTS]
        self.size = sum(map(_measure, files)) + sum(_measure(file) for folder in self._beside for file in _walk(folder))
        self._measured_at = self._monotonic()
        return self.size


def _walk(directory: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(directory):
        yield from (Path(folder, name) for name in names)


def _measure(file: Path) -> int:
    try:
        status = file.lstat()
    except OSError:
        return 0
    return status.st_blocks * 512
