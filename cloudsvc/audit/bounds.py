"""Bounds of the audit: what an entry takes, and how many of them are handled at once."""

from __future__ import annotations

from typing import Final

MAX_TEXT: Final = 256
"""Characters of each text of an event but its object; what is longer is clipped."""

MAX_OBJECT: Final = 4_096
"""Characters of an object, which are a path of a drive with its longest names."""

MAX_TOGETHER: Final = 1_000
"""Events that are appended, and entries that are read or cut off, in one step."""

MAX_LOOKED_THROUGH: Final = 10_000
"""Entries that are looked through for one page: a question whose answer is nothing costs no more than that."""
