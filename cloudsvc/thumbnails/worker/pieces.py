"""File object put together from pieces of another."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import BinaryIO, NamedTuple


class Piece(NamedTuple):
    """``length`` bytes of a file, from ``start`` on."""

    start: int
    length: int


class PiecedFile(io.RawIOBase):
    """
    A file that reads as its pieces, one after the other: as bytes, or as :class:`Piece` of ``source``.

    Decoders read it as they would read the source, but do not get to see what was left out, and nothing is copied.
    """

    def __init__(self, source: BinaryIO, pieces: Sequence[bytes | Piece]) -> None:
        super().__init__()
        self._source = source
        self._pieces = pieces
        lengths = (len(piece) if isinstance(piece, bytes) else piece.length for piece in pieces)
        self._starts = [0, *accumulate(lengths)]
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # what CPython passes
        number = bisect_right(self._starts, self._position) - 1
        if number >= len(self._pieces):
            return 0
        piece = self._pieces[number]
        offset = self._position - self._starts[number]
        most = min(len(buffer), self._starts[number + 1] - self._position)
        if isinstance(piece, bytes):
            content = piece[offset : offset + most]
        else:
            self._source.seek(piece.start + offset)
            content = self._source.read(most)
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)


def piece_together(source: BinaryIO, pieces: Sequence[bytes | Piece]) -> BinaryIO:
    """A buffered file of ``pieces`` of ``source``, which nobody else may read meanwhile."""
    return io.BufferedReader(PiecedFile(source, pieces), 1 << 16)


def measure(source: BinaryIO) -> int:
    """How many bytes ``source`` has; it is at its start then."""
    length = source.seek(0, io.SEEK_END)
    source.seek(0)
    return length
