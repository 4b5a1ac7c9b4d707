"""
Poolers between this program and its database, such as PgBouncer.

Locks that last as long as a connection, and notifications, belong to a process of the server. A pooler that gives each
transaction another of these (`pool_mode = transaction`) takes both away without a word: presence and leadership would
be held by nobody, or by whoever has that process next. One that gives a client a process for as long as it is connected
(`pool_mode = session`) is as good as none.
"""

from __future__ import annotations

from typing import Final

from cloudsvc.core.errors import OperatorError
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from cloudsvc.storage.database.postgresql.databases import Database

_WHO: Final = "SELECT pg_backend_pid()"

_SHARED: Final = (
    "the database is reached through a pooler that gives each transaction another connection, which takes locks and"
    " notifications away; name the database itself in database.url, or set pool_mode=session there; nothing was changed"
)


def check_way(database: Database, connection: PostgreSQLConnection) -> None:
    """
    See that a connection has a process of the server for itself. Blocks.

    What the server says of itself when a connection is made, a pooler makes up. Only where the two differ, a second
    connection tells whether it is given what the first one has let go of.

    :raises OperatorError: it shares one with others.
    :raises Unreachable: there is no second connection to be had.
    :raises psycopg.Error: the database fails.
    """
    process = _find_process(connection)
    if process == connection.session.info.backend_pid:
        return
    other = database.connect()
    try:
        is_shared = _find_process(other) == process or _find_process(connection) != process
    finally:
        other.close()
    if is_shared:
        raise OperatorError([_SHARED])


def _find_process(connection: PostgreSQLConnection) -> int:
    [process] = connection.execute(_WHO).fetchall()[0]
    return int(process)
