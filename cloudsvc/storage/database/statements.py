"""
Statements of SQLAlchemy, compiled once for each engine.

Compiling costs more than running; so SQLite's text is made when the module is imported, PostgreSQL's when it is first
used, and the driver runs it. Which text that is the connection knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from functools import cache, cached_property
from typing import Any, NamedTuple, Protocol

from attrs import field, frozen
from sqlalchemy import Compiled, Dialect, Executable
from sqlalchemy.dialects import sqlite

_SQLITE = sqlite.dialect(paramstyle="named")


class Rows(Protocol):
    """What a statement has found, or how much it has changed."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        ...

    def fetchone(self) -> Any:
        """The next row; ``None`` where there is none."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Engine(Enum):
    """What kind of database it is."""

    SQLITE = auto()
    POSTGRESQL = auto()


class Connection(Protocol):
    """What runs statements: a connection to a database, of whatever engine. Its methods block."""

    @property
    def engine(self) -> Engine:
        """Which one that is, for what each does in a way of its own."""
        ...

    def run(self, statement: Statement, values: dict[str, Any]) -> Rows:
        """
        Run a statement.

        :raises Exception: the driver's own, where the database fails.
        """
        ...

    def run_for_each(self, statement: Statement, rows: Sequence[dict[str, Any]]) -> None:
        """Run it once for each of ``rows``, the values of its parameters."""
        ...


class Text(NamedTuple):
    """
    A statement as an engine understands it.

    :ivar text: with named parameters.
    :ivar values: of those parameters that are always the same.
    """

    text: str
    values: dict[str, Any]


@frozen
class Statement:
    """
    A statement that can be run again and again.

    :ivar source: what it is made of.
    :ivar columns: those that an insertion gives values.
    """

    sqlite: Text
    source: Executable = field(eq=False, repr=False)
    columns: tuple[str, ...] = ()

    @cached_property
    def postgresql(self) -> Text:
        """Its text for that engine."""
        return _compile(self.source, self.columns, _make_postgresql_dialect())

    def run(self, connection: Connection, **values: Any) -> Rows:
        """Run it."""
        return connection.run(self, values)

    def run_for_each(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Run it once for each of ``rows``, the values of its parameters."""
        connection.run_for_each(self, rows)

    def rows(self, connection: Connection, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Run it, for all rows."""
        return iter(connection.run(self, values))

    def row(self, connection: Connection, **values: Any) -> tuple[Any, ...] | None:
        """Run it, for the first row, if there is one."""
        found: tuple[Any, ...] | None = connection.run(self, values).fetchone()
        return found

    def value(self, connection: Connection, **values: Any) -> Any:
        """Run it, for the first column of the first row; ``None`` where there is no row."""
        found = connection.run(self, values).fetchone()
        return found[0] if found else None


def compile_statement(executable: Executable, *columns: str) -> Statement:
    """
    ``executable`` with the parameters that it names by ``bindparam``.

    :param columns: those that an insertion gives values, as parameters of the same names.
    """
    return Statement(_compile(executable, columns, _SQLITE), executable, columns)


@cache
def _make_postgresql_dialect() -> Dialect:
    # Only who uses this engine needs to wait for its import.
    from sqlalchemy.dialects.postgresql import psycopg  # noqa: PLC0415  # as said

    return psycopg.dialect(paramstyle="pyformat")


def _compile(executable: Executable, columns: Sequence[str], dialect: Dialect) -> Text:
    compiled: Compiled = executable.compile(  # type: ignore[attr-defined]  # all that is run here has it
        dialect=dialect, column_keys=list(columns) or None, compile_kwargs={"render_postcompile": True}
    )
    return Text(str(compiled), {name: value for name, value in compiled.params.items() if value is not None})
