"""Escaping of text from outside, which can neither start a log line of its own nor hide in one."""

from __future__ import annotations

import re
from typing import Final

_BARE: Final = re.compile(r"[!#-\[\]-~]+").fullmatch

MAX_TEXT: Final = 16 * 1024
"""Characters of one message or value; of a traceback four times as many."""


def escape(text: str) -> str:
    """
    ``text`` with every character that does not print written as an escape.

    Which characters print is Python's definition (:meth:`str.isprintable`): it leaves out the controls (C0, C1, DEL),
    the separators U+2028 and U+2029, the marks that turn the direction of writing, and lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def as_value(text: str) -> str:
    """``text`` as the value of ``key=value``: bare if it is one plain word, else quoted so that it reads back."""
    if _BARE(text):
        return text
    return '"' + escape(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """``text``, without its middle when it is longer than ``limit`` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} ... {len(text) - 2 * half} characters left out ... {text[-half:]}"
