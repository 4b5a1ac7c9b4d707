"""Expressions by which a text is looked up in an index of trigrams."""

from __future__ import annotations

from typing import Final

SHORTEST: Final = 3
"""Characters of a text that can be looked up here."""

_MOST_TRIGRAMS: Final = 16
"""Trigrams of a text that are looked up: more leave out hardly a name that these have not."""


def make_expression(text: str) -> str | None:
    """
    What to look for in the index for names that contain ``text``, folded: all of them have it, others may have it too.
    ``None`` where the index cannot tell.
    """
    if len(text) < SHORTEST or "\0" in text:
        return None
    trigrams = dict.fromkeys(text[start : start + SHORTEST] for start in range(len(text) - SHORTEST + 1))
    quoted = ['"' + trigram.replace('"', '""') + '"' for trigram in trigrams]
    return " AND ".join(quoted[:_MOST_TRIGRAMS])
