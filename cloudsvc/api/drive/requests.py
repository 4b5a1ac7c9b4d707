"""Request parameters that several routes share: pages of lists, numbers, paths without a query."""

from __future__ import annotations

from typing import Annotated, Final

from attrs import frozen
from msgspec import Meta

LARGEST_NUMBER: Final = 2**63 - 1
"""Of anything that is stored."""

Number = Annotated[int, Meta(ge=1, le=LARGEST_NUMBER)]


@frozen(kw_only=True)
class NoQuery:
    """Nothing: a ``?`` in a name has to be escaped, or else something would be done to half of its name."""


@frozen(kw_only=True)
class PageQuery:
    """Which part of a list to give."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="How many entries at most.")] = 100
    cursor: Annotated[str | None, Meta(description="From the page before; without it, the first page.")] = None
