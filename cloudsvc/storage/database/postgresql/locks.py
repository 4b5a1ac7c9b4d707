"""
Locks of the database by which processes agree, whichever machine they are on.

PostgreSQL calls them advisory: numbers that mean what an application says. This one has the database for itself, so
that they need not be told from those of others; all of ours stand here, so that none is taken twice.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection


@frozen(kw_only=True)
class Locks:
    """
    Those of tables that belong together.

    :ivar writing: who has it writes. It is taken for a transaction.
    :ivar presence: who has the tables open shares it; who migrates or replaces them has it alone. It is taken for
        longer.
    """

    writing: int
    presence: int


CATALOGUE: Final = Locks(writing=1, presence=2)

IDENTITY: Final = Locks(writing=4, presence=5)
"""Those of users, groups and keys."""

AUDIT: Final = Locks(writing=6, presence=7)
"""Those of the audit."""

LEADING: Final = 3
"""Who has it does the background jobs of all. It is taken for as long as a connection lives."""

_TRIES: Final = 60
_PAUSE_SECONDS: Final = 0.05
"""Three seconds in all: whoever has just closed a connection keeps its locks until the server has noticed."""


def claim_presence(connection: PostgreSQLConnection, locks: Locks) -> bool:
    """Have the tables alone, for as long as the connection lives; whether nobody has it open. Blocks."""
    for _ in range(_TRIES):
        [(is_free,)] = connection.execute(f"SELECT pg_try_advisory_lock({locks.presence})").fetchall()  # a constant
        if is_free:
            return True
        connection.execute(f"SELECT pg_sleep({_PAUSE_SECONDS})")  # a constant
    return False
