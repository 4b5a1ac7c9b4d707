"""Bounds of one request: how much its commands may change together, while nobody else can write."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from cloudsvc.drive.errors import too_many_nodes, too_many_recounted

MAX_MADE: Final = 10_000
"""Files and folders that are made in one go."""

MOST_LOOKED_THROUGH: Final = 10_000
"""
Files and folders that are looked through when something is thrown away, for whether one user has stored all of it. Of
more, nothing is said: it stays in the trash until it expires or is purged.
"""

MOST_RECOUNTED: Final = 50_000
"""Files, folders and versions that come to count to another account in one go."""

MOST_SHARED_OUT: Final = 1_000_000
"""
As many where a quota begins or ends, if whoever does that may do everything. It takes seconds, is done seldom and on
purpose, and there is no other way to do it.
"""


@define
class Made:
    """How many files and folders were made, one command after the other."""

    count: int = 0

    def add(self, more: int) -> None:
        """
        So many more are about to be made.

        :raises CloudError: so many are made together already that nobody else could write for too long.
        """
        self.count += more
        if self.count > MAX_MADE:
            raise too_many_nodes(MAX_MADE)


@define
class Recounted:
    """
    How much came to count to another account, one command after the other.

    :ivar limit: how much may.
    """

    count: int = 0
    limit: int = field(factory=lambda: MOST_RECOUNTED)

    @property
    def most(self) -> int:
        """One more than may still come: whoever finds so many need not look for others."""
        return self.limit - self.count + 1

    def share_out(self) -> None:
        """Let it be as much as where a quota begins or ends, and whoever does that may do everything."""
        self.limit = max(self.limit, MOST_SHARED_OUT)

    def add(self, more: int) -> None:
        """
        So many more are about to.

        :raises CloudError: so many do together already that nobody else could write for too long.
        """
        self.count += more
        if self.count > self.limit:
            raise too_many_recounted(self.limit)
