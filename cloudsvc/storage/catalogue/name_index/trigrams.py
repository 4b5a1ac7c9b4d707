"""
The index of names in PostgreSQL: trigrams of ``pg_trgm``, which the server keeps by itself, if it has that extension.

Without it a search for a text looks at one file after the other, in windows, as one for a type does.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, func, select

from cloudsvc.storage.database.statements import Connection, compile_statement

NAME: Final = "node_folded"

_FIND: Final = compile_statement(select(func.to_regclass(bindparam("name")).is_not(None)))

_ALL: Final = 2**62
"""More than any id there is."""


class TrigramNames:
    """A :class:`~cloudsvc.storage.catalogue.name_index.NameIndex` that nobody has to see to."""

    def find_indexed(self, connection: Connection) -> int:
        """As :meth:`~cloudsvc.storage.catalogue.name_index.NameIndex.find_indexed`."""
        return _ALL if _FIND.value(connection, name=NAME) else 0

    def add(self, connection: object, node_id: int) -> None:
        """Nothing is to be done."""

    def remove(self, connection: object, node_id: int) -> None:
        """Nothing is to be done."""
