"""
Locks of the database by which processes agree, whichever machine they are on.

PostgreSQL calls them advisory: numbers that mean what an application says. This one has the database for itself, so
that they need not be told from those of others.
"""

from __future__ import annotations

from typing import Final

from cloudsvc.storage.catalogue.postgresql.connections import PostgreSQLConnection

WRITING: Final = 1
"""Who has it writes. It is taken for a transaction."""

PRESENCE: Final = 2
"""Who has the catalogue open shares it; who migrates or replaces the catalogue has it alone. It is taken for longer."""

LEADING: Final = 3
"""Who has it does the background jobs of all. It is taken for as long as a connection lives."""

_TRIES: Final = 60
_PAUSE_SECONDS: Final = 0.05
"""Three seconds in all: whoever has just closed a connection keeps its locks until the server has noticed."""


def claim_presence(connection: PostgreSQLConnection) -> bool:
    """Have the catalogue alone, for as long as the connection lives; whether nobody has it open. Blocks."""
    for _ in range(_TRIES):
        [(is_free,)] = connection.execute(f"SELECT pg_try_advisory_lock({PRESENCE})").fetchall()  # a constant
        if is_free:
            return True
        connection.execute(f"SELECT pg_sleep({_PAUSE_SECONDS})")  # a constant
    return False
