"""Clocks of this machine and of a database, held against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.task import Clock

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.database.postgresql.migration import telling_operators
from cloudsvc.storage.database.postgresql.watchdog import Watchdog

MOST_SECONDS: Final = 300.0
"""By which the clocks may differ where a process begins: no machine that asks the time of others is off by as much."""

_SECOND: Final = 1_000_000
"""In microseconds."""

_ASK: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


def measure_clock(connection: PostgreSQLConnection, now: Callable[[], Instant]) -> float:
    """
    Seconds by which the clock of this machine is ahead of the database's at least; negative where it is behind. Blocks.

    The answer was given between two moments of ours. Where it lies between them, the clocks agree, as far as can be
    told: a way that takes long makes no clock wrong.

    :param now: the clock of this machine.
    :raises psycopg.Error: the database fails.
    """
    asked = now()
    [(told,)] = connection.execute(_ASK).fetchall()
    answered = now()
    return float(max(asked - told, 0) + min(answered - told, 0)) / _SECOND


def check_clock(url: Secret, now: Callable[[], Instant]) -> None:
    """
    See that the clocks of this machine and of a database agree, before anything is written there. Blocks.

    A node that is hours ahead of others would give up what they still keep, and date what it stores wrongly.

    :raises OperatorError: they differ by more than :data:`MOST_SECONDS`, or the database cannot be asked.
    """
    with telling_operators():
        connection = Database.of(url, Watchdog(Clock())).connect()
        try:
            ahead = measure_clock(connection, now)
        finally:
            connection.close()
    if abs(ahead) > MOST_SECONDS:
        direction = "ahead of" if ahead > 0 else "behind"
        advice = "set it by NTP, as on all machines that share a drive, and start again; nothing was changed"
        line = f"the clock of this machine is {abs(ahead):.0f} s {direction} that of the database: {advice}"
        raise OperatorError([line])
