"""
The index of the names of files by trigrams, in which a text is found wherever in a name it is.

PostgreSQL keeps one by itself (``trigrams.py``). That of SQLite has to be kept, and lags behind (``full_text.py``):
files with ids beyond what is indexed are not in it yet, and whoever searches looks at these one by one.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from cloudsvc.storage.catalogue.name_index.full_text import FullTextNames
from cloudsvc.storage.catalogue.name_index.trigrams import TrigramNames
from cloudsvc.storage.database.statements import Connection, Engine


class NameIndex(Protocol):
    """An engine's index of names, as far as somebody else has to see to it."""

    def find_indexed(self, connection: Any) -> int:
        """The id up to which files are in the index, those that are gone aside; 0 where there is no index."""
        ...

    def add(self, connection: Any, node_id: int) -> None:
        """The row of ``node_id`` has got another name."""
        ...

    def remove(self, connection: Any, node_id: int) -> None:
        """The row of ``node_id`` is about to go, or to get another name."""
        ...


_INDICES: Final[dict[Engine, NameIndex]] = {Engine.SQLITE: FullTextNames(), Engine.POSTGRESQL: TrigramNames()}


def choose_index(connection: Connection) -> NameIndex:
    """The index that the engine of ``connection`` has."""
    return _INDICES[connection.engine]
