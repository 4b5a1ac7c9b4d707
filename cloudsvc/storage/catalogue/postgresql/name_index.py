"""
The index of names in PostgreSQL: trigrams of ``pg_trgm``, which the server keeps by itself, if it has that extension.

Without it a search for a text looks at one file after the other, in windows, as one for a type does.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

NAME: Final = "node_folded"

FIND: Final = f"SELECT to_regclass('{NAME}') IS NOT NULL"
"""Asks whether a database has it."""

_ALL: Final = 2**62
"""More than any id there is."""


@frozen
class TrigramNames:
    """
    A :class:`~cloudsvc.storage.catalogue.statements.NameIndex` that nobody has to see to.

    :ivar is_there: whether the database has it.
    """

    is_there: bool

    def find_indexed(self, connection: object) -> int:
        """As :meth:`~cloudsvc.storage.catalogue.statements.NameIndex.find_indexed`."""
        del connection
        return _ALL if self.is_there else 0

    def add(self, connection: object, node_id: int) -> None:
        """Nothing is to be done."""

    def remove(self, connection: object, node_id: int) -> None:
        """Nothing is to be done."""
