"""Footprint of a database: what it takes on the disk of its server."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf
from typing import Final

from attrs import define

from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection

_BELIEVED_SECONDS: Final = 10.0
"""For so long a number is believed to be as it was: the server looks at each file of the database for it."""


@define(eq=False, kw_only=True)
class DatabaseFootprint:
    """
    A :class:`~cloudsvc.storage.catalogue.upkeep.Footprint`: the bytes that all tables and indices of a database take.

    :ivar monotonic: a clock in seconds.
    :ivar size: what was found last.
    """

    _monotonic: Callable[[], float] = time.monotonic
    size: int = 0
    _measured_at: float = -inf

    @property
    def is_recent(self) -> bool:
        """Whether :attr:`size` still counts."""
        return self._monotonic() - self._measured_at < _BELIEVED_SECONDS

    def read(self, connection: PostgreSQLConnection) -> int:
        """The bytes as they were lately, or else now. Blocks."""
        return self.size if self.is_recent else self.measure(connection)

    def measure(self, connection: PostgreSQLConnection) -> int:
        """The bytes now. Blocks."""
        [size] = connection.execute("SELECT pg_database_size(current_database())").fetchall()[0]
        self.size = size
        self._measured_at = self._monotonic()
        return self.size
