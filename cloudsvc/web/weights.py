"""Weighted lists of preferences (RFC 9110 section 12.4.2)."""

from __future__ import annotations

import re
from typing import Final

_MOST: Final = 64
"""Members that are looked at. Browsers send eight; what stands behind is as if it were not there."""

_LONGEST: Final = 256
"""Characters of a member that is looked at."""

_NAME: Final = r"[!#$%&'*+.^_`|~0-9a-z-]+"
_MEMBER: Final = re.compile(rf"({_NAME}(?:/{_NAME})?)(?:[ \t]*;[ \t]*q=([01](?:\.[0-9]{{0,3}})?))?").fullmatch
"""A name or a media range, and its weight. One with other parameters is none of what is offered here."""


def read_weights(field: str) -> dict[str, float]:
    """The weight of each name in ``field``, in small letters; 1 where none is said. What is malformed is left out."""
    weights: dict[str, float] = {}
    for item in field.split(",", _MOST)[:_MOST]:
        found = _MEMBER(item.strip(" \t").lower()) if len(item) <= _LONGEST else None
        if found is not None:
            weights[found[1]] = float(found[2] or 1)
    return weights
