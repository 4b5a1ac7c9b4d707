"""The head of an answer as bytes (RFC 9112 sections 4 and 5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_NO_BREAKS: Final = bytes.maketrans(b"\r\n", b"  ")


def spell_head(
    version: bytes, status: int, reason: bytes, fields: Iterable[tuple[bytes, bytes]], lines: Iterable[bytes]
) -> bytes:
    """
    The status line, ``fields``, and ``lines`` that are finished already.

    Twisted's own way sets every field one by one. Most fields of an answer are the same for every answer.
    """
    head = [b"%b %d %b\r\n" % (version, status, reason)]
    head += [b"%b: %b\r\n" % (name, _on_one_line(value)) for name, value in fields]
    head += lines
    head.append(b"\r\n")
    return b"".join(head)


def _on_one_line(value: bytes) -> bytes:
    """No line break in a value can begin a field, or an answer, of its own (RFC 9110 section 5.5)."""
    return b" ".join(value.split(b"\r\n")).translate(_NO_BREAKS) if b"\n" in value or b"\r" in value else value
