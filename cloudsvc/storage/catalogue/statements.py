"""
Statements of SQLAlchemy, compiled once.

Compiling costs more than running; so the text is made when the module is imported, and the driver runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from sqlite3 import Connection, Cursor
from typing import Any

from attrs import field, frozen
from sqlalchemy import Compiled, Dialect, Executable
from sqlalchemy.dialects import sqlite

_DIALECT = sqlite.dialect(paramstyle="named")


@frozen
class Statement:
    """
    A statement that can be run again and again.

    :ivar text: with named parameters, for SQLite.
    :ivar values: of those parameters that are always the same.
    :ivar source: what it was made of, for other engines.
    :ivar columns: those that an insertion gives values.
    """

    text: str
    values: dict[str, Any]
    source: Executable = field(eq=False, repr=False)
    columns: tuple[str, ...] = ()

    def run(self, connection: Connection, **values: Any) -> Cursor:
        """Run it."""
        return connection.execute(self.text, {**self.values, **values} if self.values else values)

    def run_for_each(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Run it once for each of ``rows``, the values of its parameters."""
        connection.executemany(self.text, [{**self.values, **row} for row in rows])

    def rows(self, connection: Connection, **values: Any) -> Iterator[tuple[Any, ...]]:
        """Run it, for all rows."""
        return self.run(connection, **values)

    def row(self, connection: Connection, **values: Any) -> tuple[Any, ...] | None:
        """Run it, for the first row, if there is one."""
        found: tuple[Any, ...] | None = self.run(connection, **values).fetchone()
        return found

    def value(self, connection: Connection, **values: Any) -> Any:
        """Run it, for the first column of the first row; ``None`` where there is no row."""
        found = self.row(connection, **values)
        return found[0] if found else None


def compile_statement(executable: Executable, *columns: str) -> Statement:
    """
    ``executable`` with the parameters that it names by ``bindparam``.

    :param columns: those that an insertion gives values, as parameters of the same names.
    """
    compiled = _compile(executable, columns, _DIALECT)
    values = {name: value for name, value in compiled.params.items() if value is not None}
    return Statement(str(compiled), values, executable, columns)


def compile_for(statement: Statement, dialect: Dialect) -> str:
    """
    The text of ``statement`` for another engine.

    :raises sqlalchemy.exc.CompileError: there is none.
    """
    return str(_compile(statement.source, statement.columns, dialect))


def _compile(executable: Executable, columns: Sequence[str], dialect: Dialect) -> Compiled:
    compiled: Compiled = executable.compile(  # type: ignore[attr-defined]  # all that is run here has it
        dialect=dialect, column_keys=list(columns) or None, compile_kwargs={"render_postcompile": True}
    )
    return compiled
