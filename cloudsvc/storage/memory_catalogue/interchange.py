"""Interchange: tables in memory as an SQLite database, which is what every catalogue can be written as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

from attrs import asdict
from msgspec import structs
from sqlalchemy import Table, insert, update

from cloudsvc.drive.names import fold_case
from cloudsvc.storage.catalogue import schema
from cloudsvc.storage.catalogue.freezing import list_values
from cloudsvc.storage.catalogue.nodes import format_chain
from cloudsvc.storage.catalogue.sqlite.migration import migrate
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from cloudsvc.storage.database.statements import compile_statement
from cloudsvc.storage.memory_catalogue.accounts import count_account
from cloudsvc.storage.memory_catalogue.payers import count_bytes
from cloudsvc.storage.memory_catalogue.tables import Tables, find_key

_Row: TypeAlias = Mapping[str, Any]

_STATE: Final = ("epoch", "stored_bytes", "forgotten", "last_change")


def write_database(tables: Tables) -> bytes:
    """All that is in ``tables``. Blocks."""
    with TemporaryDirectory() as directory:
        file = Path(directory) / "catalogue.sqlite3"
        file.write_bytes(_make_empty())
        with closing(connect(file)) as connection:
            # A folder may be younger than what is in it.
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("BEGIN")
            _write(tables, connection)
            connection.execute("COMMIT")
        return file.read_bytes()


@cache
def _make_empty() -> bytes:
    """An empty database, which takes long to make."""
    with TemporaryDirectory() as directory:
        file = Path(directory) / "catalogue.sqlite3"
        migrate(file)
        return file.read_bytes()


def _write(tables: Tables, connection: SQLiteConnection) -> None:
    for table, make_rows in _ROWS.items():
        if rows := [dict(row) for row in make_rows(tables)]:
            compile_statement(insert(table), *rows[0]).run_for_each(connection, rows)
        if table.dialect_options["sqlite"]["autoincrement"]:
            last = tables.last_change if table is schema.change else tables.last_id
            connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, last))
    state = {**{name: getattr(tables, name) for name in _STATE}, **list_values(tables.freeze)}
    compile_statement(update(schema.state), *state).run(connection, **state)


def _make_nodes(tables: Tables) -> Iterator[_Row]:
    for entry in tables.nodes.values():
        if entry.parent is not None:
            current = entry.contents[-1] if entry.contents else None
            yield {
                "id": entry.id,
                "parent": entry.parent,
                "key": find_key(entry),
                "name": entry.name.text,
                "folded": fold_case(entry.name.text),
                "kind": schema.FILE if entry.is_file else schema.FOLDER,
                "created_at": entry.created_at,
                "updated_at": entry.updated_at,
                "version": current and current.id,
                "size": current and tables.blobs[current.blob].blob.size,
                "media_type": current and current.media_type,
            }


def _make_blobs(tables: Tables) -> Iterator[_Row]:
    refs = Counter(content.blob for _, content in tables.list_contents())
    for known in tables.blobs.values():
        yield {**structs.asdict(known.blob), "refs": refs[known.blob.id], "marked": int(known.marked)}


def _make_versions(tables: Tables) -> Iterator[_Row]:
    numbers = _number_payers(tables)
    for entry, content in tables.list_contents():
        yield {**asdict(content), "node": entry.id, "payer": numbers.get(content.payer)}


def _make_tags(tables: Tables) -> Iterator[_Row]:
    return ({"node": entry.id, "tag": tag} for entry in tables.nodes.values() for tag in entry.tags)


def _make_trash(tables: Tables) -> Iterator[_Row]:
    numbers = _number_payers(tables)
    for thrown in tables.trash.values():
        yield {
            "id": thrown.id,
            "node": thrown.node,
            "path": str(thrown.path),
            "deleted_at": thrown.deleted_at,
            "actor": thrown.actor,
            "chain": format_chain(thrown.chain),
            "account": thrown.account,
            "shared": int(thrown.is_shared),
            "payer": numbers.get(thrown.payer),
        }


def _make_changes(tables: Tables) -> Iterator[_Row]:
    for happening in tables.changes.values():
        change, former = happening.change, happening.former_chain
        yield {
            **asdict(change, recurse=False),
            "kind": change.kind.value,
            "path": str(change.path),
            "source": change.source and str(change.source),
            "chain": format_chain(happening.chain),
            "source_chain": former and format_chain(former),
        }


def _make_accounts(tables: Tables) -> Iterator[_Row]:
    for owner, quota in tables.quotas.items():
        yield {"owner": owner, "quota": quota, "stored_bytes": count_account(tables, owner)}


def _number_payers(tables: Tables) -> Mapping[str | None, int]:
    names = {content.payer for _, content in tables.list_contents()} - {None}
    return {name: number for number, name in enumerate(sorted(names, key=str), 1)}


def _make_payers(tables: Tables) -> Iterator[_Row]:
    for name, number in _number_payers(tables).items():
        yield {"id": number, "name": name, "stored_bytes": count_bytes(tables, str(name))}


def _make_pins(tables: Tables) -> Iterator[_Row]:
    return ({"id": number, "until": until} for number, until in tables.pins.items())


_ROWS: Final[Mapping[Table, Callable[[Tables], Iterator[_Row]]]] = {
    schema.node: _make_nodes,
    schema.blob: _make_blobs,
    schema.version: _make_versions,
    schema.account: _make_accounts,
    schema.payer: _make_payers,
    schema.tag: _make_tags,
    schema.trash: _make_trash,
    schema.change: _make_changes,
    schema.pin: _make_pins,
}
