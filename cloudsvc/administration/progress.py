"""Progress reports of long operations."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told how far long work has come. It must return soon, and is always called in the same thread."""

    def begin(self, work: str, total: int) -> None:
        """
        Some part of the work begins.

        :param work: what it does, such as ``comparing``.
        :param total: bytes that are to be done, as far as is known.
        """
        ...

    def advance(self, size: int) -> None:
        """``size`` bytes more are done."""
        ...


class _Silence:
    def begin(self, work: str, total: int) -> None:
        pass

    def advance(self, size: int) -> None:
        pass


SILENCE: Progress = _Silence()
"""For whoever does not want to know."""
