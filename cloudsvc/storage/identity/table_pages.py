"""The tables of accounts that are handed on, and all their rows, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Table, bindparam, select, tuple_

from cloudsvc.storage.database.statements import Connection, Statement, compile_statement
from cloudsvc.storage.identity.schema import (
    group,
    key,
    link,
    member,
    name,
    passkey,
    recovery_code,
    restriction,
    subject,
    totp,
    user,
)

_TOGETHER: Final = 1_000
"""Rows that are in memory at once."""

TABLES: Final = (name, group, user, member, key, totp, passkey, recovery_code, link, subject, restriction)
"""In the order in which they may be filled."""

_FIRST: Final[dict[tuple[Table, str], Any]] = {(restriction, "revision"): -1, (recovery_code, "digest"): b""}
"""What comes before all that a column of a primary key can have, where that is no text."""


def _compile_page(table: Table) -> Statement:
    primary = [*table.primary_key.columns]
    after = tuple_(*(bindparam(f"after_{column.name}") for column in primary))
    page = select(table).where(tuple_(*primary) > after).order_by(*primary).limit(_TOGETHER)
    return compile_statement(page)


_PAGES: Final = {table: _compile_page(table) for table in TABLES}


def list_rows(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    """All rows of a table, some at a time."""
    names = [column.name for column in table.columns]
    primary = [column.name for column in table.primary_key.columns]
    after: dict[str, Any] = {each: _FIRST.get((table, each), "") for each in primary}
    while True:
        page = _PAGES[table].rows(connection, **{f"after_{each}": value for each, value in after.items()})
        rows = [dict(zip(names, row, strict=True)) for row in page]
        if not rows:
            return
        yield rows
        after = {each: rows[-1][each] for each in primary}
