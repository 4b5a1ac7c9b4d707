"""Chunked transfer coding (RFC 9112 section 7.1), decoded read by read and not chunk by chunk."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from cloudsvc.core.private_names import MalformedChunkedDataError

_LONGEST_LINE: Final = 1024
"""Bytes of the line before a chunk, its extensions included."""

_MOST_TRAILERS: Final = 16 * 1024
"""Bytes of the fields that follow the last chunk."""

_MOST_OVERHEAD: Final = 16 * 1024
"""Bytes around chunks beyond those that honest ones have. Otherwise extensions carry a body that counts nowhere."""

_HONEST_OVERHEAD: Final = 16
"""Bytes around one chunk; more may be around a large one, up to twice its size. Go's net/http has both of these."""

_MOST_DIGITS: Final = 16

_SMALL: Final = {b"%x" % size: size for size in range(1, 256)}
"""What says the sizes of small chunks. There may be thousands of them in one read, so they are read in few steps."""

_BREAK: Final = b"\r\n"

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]++)(?:;[\t\x20-\x7e\x80-\xff]*+)?").fullmatch
_TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+").fullmatch


class ChunkedDecoder:
    """
    Takes the bytes of a chunked body as they arrive, and hands on what they carry: once for each read.

    It has the interface of Twisted's decoder, and is no less strict; ``tests/web/http1/test_chunks.py`` compares
    the two. One call of all that handles a body for each chunk of one byte makes such a body cost a hundred times its
    bytes.

    :param deliver: gets what a read has brought of the content.
    :param finish: gets what follows the last chunk and its trailers, once.
    :ivar count: chunks that have begun in the last read.
    """

    def __init__(self, deliver: Callable[[bytes], None], finish: Callable[[bytes], None]) -> None:
        self._deliver = deliver
        self._finish = finish
        self._rest = b""  # of a line that is not complete: no longer than _LONGEST_LINE, or _MOST_TRAILERS
        self._missing = 0  # of the content of the present chunk, and of the line break behind it
        self._ends = False
        self._overhead = 0
        self._trailers = 0
        self.count = 0

    def dataReceived(self, data: bytes) -> None:
        """
        Take bytes from the client.

        :raises MalformedChunkedDataError: they are no chunked body. What came before the fault is handed on.
        """
        pieces: list[bytes] = []
        try:
            end = self._read(data, pieces)
        finally:
            if pieces:
                self._deliver(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if end is not None:
            self._finish(end)

    def _read(self, data: bytes, pieces: list[bytes]) -> bytes | None:
        """What follows the end of the body, if it is here; what the chunks of ``data`` carry goes to ``pieces``."""
        self.count = 0
        position = 0
        if self._missing > 0:
            position = self._read_content(data, 0, pieces)
        elif self._rest:
            data, self._rest = self._rest + data, b""
        while position < len(data):
            if self._ends:
                return self._read_trailers(data, position)
            if self._missing:
                position = self._read_content(data, position, pieces)
                continue
            end = data.find(_BREAK, position, position + _LONGEST_LINE + 1)
            if end < 0:
                if len(data) - position > _LONGEST_LINE:
                    raise MalformedChunkedDataError("the line before a chunk is too long")
                self._rest = data[position:]
                return None
            line = data[position:end]
            position = end + 2
            size = _SMALL.get(line)
            if size is not None and data[position + size : position + size + 2] == _BREAK:
                pieces.append(data[position : position + size])
                position += size + 2
                self.count += 1
            else:
                self._begin_chunk(line)
        return None

    def _begin_chunk(self, line: bytes) -> None:
        found = _SIZE(line)
        if found is None or len(found[1].lstrip(b"0")) > _MOST_DIGITS:
            raise MalformedChunkedDataError("the line before a chunk does not begin with its size")
        size = int(found[1], 16)
        self._overhead = max(0, self._overhead + len(line) + 4 - _HONEST_OVERHEAD - 2 * size)
        if self._overhead > _MOST_OVERHEAD:
            raise MalformedChunkedDataError("there is more around the chunks than in them")
        self.count += 1
        if size:
            self._missing = size + len(_BREAK)
        else:
            self._ends = True

    def _read_content(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        """Where what follows the chunk begins, or the end of ``data``."""
        content = self._missing - len(_BREAK)
        if content > 0:
            piece = data[position : position + content]
            pieces.append(piece)
            self._missing -= len(piece)
            position += len(piece)
        if self._missing <= len(_BREAK):
            # The break may come byte by byte.
            wanted = _BREAK[-self._missing :]
            found = data[position : position + self._missing]
            if not wanted.startswith(found):
                raise MalformedChunkedDataError("a chunk is longer than its size")
            self._missing -= len(found)
            position += len(found)
        return position

    def _read_trailers(self, data: bytes, position: int) -> bytes | None:
        # They are fields of the head that came late (RFC 9110 section 6.5). Nothing here wants any: they are dropped.
        while (end := data.find(_BREAK, position)) >= 0:
            if end == position:
                return data[end + 2 :]
            self._trailers += end + 2 - position
            if _TRAILER(data[position:end]) is None:
                raise MalformedChunkedDataError("a trailer is no field")
            position = end + 2
        self._rest = data[position:]
        if self._trailers + len(self._rest) > _MOST_TRAILERS:
            raise MalformedChunkedDataError("the trailers are too long")
        return None

    def noMoreData(self) -> None:
        """Nothing: how a body that lacks its end is dealt with, the channel decides."""
