"""Interchange, the other way: what is in an SQLite database as tables in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, TypeAlias

from sqlalchemy import Table, select

from cloudsvc.drive.changes import Change, ChangeKind
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.names import parse_name
from cloudsvc.drive.nodes import Blob
from cloudsvc.storage.catalogue import schema
from cloudsvc.storage.catalogue.freezing import FREEZE_COLUMNS, read_freeze
from cloudsvc.storage.catalogue.nodes import read_chain, read_path
from cloudsvc.storage.catalogue.sqlite.receiving import receive
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from cloudsvc.storage.database.statements import compile_statement
from cloudsvc.storage.memory_catalogue.tables import Content, Entry, Happening, KnownBlob, Tables, Thrown, find_key

_Row: TypeAlias = dict[str, Any]


def read_database(content: IO[bytes], beginning: Beginning) -> Tables:
    """
    All that is in a catalogue from elsewhere, which begins anew. Blocks.

    :raises Exception: it makes no sense; see ``receiving``.
    """
    with TemporaryDirectory() as directory:
        file = Path(directory) / "catalogue.sqlite3"
        receive(content, file, beginning)
        with closing(connect(file)) as connection:
            return _read(connection)


def _read(connection: SQLiteConnection) -> Tables:
    [state] = _list(connection, schema.state)
    names = {row["id"]: row["name"] for row in _list(connection, schema.payer)}
    given = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name != 'change'").fetchone()
    tables = Tables(
        epoch=state["epoch"],
        forgotten=state["forgotten"],
        last_change=state["last_change"],
        freeze=read_freeze(*(state[column.name] for column in FREEZE_COLUMNS)),
        blobs={row["id"]: _make_blob(row) for row in _list(connection, schema.blob)},
        trash={row["id"]: _make_thrown(row, names) for row in _list(connection, schema.trash)},
        changes={row["number"]: _make_happening(row) for row in _list(connection, schema.change)},
        pins={row["id"]: row["until"] for row in _list(connection, schema.pin)},
        quotas={row["owner"]: row["quota"] for row in _list(connection, schema.account)},
    )
    tables.last_id = max(tables.last_id, given[0] or 0)
    _read_nodes(connection, tables, names)
    return tables


def _read_nodes(connection: SQLiteConnection, tables: Tables, names: Mapping[int | None, str]) -> None:
    """:param names: of users who have stored something, by their numbers."""
    contents, tags = defaultdict(list), defaultdict(list)
    for row in _list(connection, schema.version):
        # Where nobody said when the content was changed, it was when it was stored.
        modified_at = row["created_at"] if row["modified_at"] is None else row["modified_at"]
        given = {"modified_at": modified_at, "payer": names.get(row["payer"])}
        contents[row.pop("node")].append(Content(**(row | given)))
    for row in _list(connection, schema.tag):
        tags[row["node"]].append(row["tag"])
    for row in _list(connection, schema.node):
        if row["parent"] is not None:
            entry = _make_entry(row, contents[row["id"]], tags[row["id"]])
            tables.nodes[entry.id] = entry
            tables.children.setdefault(row["parent"], {})[find_key(entry)] = entry.id


def _make_entry(row: _Row, contents: list[Content], tags: list[str]) -> Entry:
    # The current version is the newest one, unless somebody has meddled.
    contents.sort(key=lambda content: (content.id == row["version"], content.id))
    return Entry(
        id=row["id"],
        parent=row["parent"],
        name=parse_name(row["name"]),
        is_file=row["kind"] == schema.FILE,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        contents=tuple(contents),
        tags=tuple(sorted(tags)),
    )


def _make_blob(row: _Row) -> KnownBlob:
    blob = Blob(id=row["id"], size=row["size"], digest=row["digest"], crc32=row["crc32"])
    return KnownBlob(blob=blob, marked=bool(row["marked"]))


def _make_thrown(row: _Row, names: Mapping[int | None, str]) -> Thrown:
    shared = row.pop("shared")
    given = {"path": read_path(row["path"]), "chain": read_chain(row["chain"]), "payer": names.get(row["payer"])}
    return Thrown(**(row | given), is_shared=bool(shared))


def _make_happening(row: _Row) -> Happening:
    chain, former, source = row.pop("chain"), row.pop("source_chain"), row["source"]
    told = {
        "kind": ChangeKind(row["kind"]),
        "is_folder": bool(row["is_folder"]),
        "path": read_path(row["path"]),
        "source": None if source is None else read_path(source),
    }
    return Happening(
        change=Change(**(row | told)),
        chain=read_chain(chain),
        former_chain=None if former is None else read_chain(former),
    )


def _list(connection: SQLiteConnection, table: Table) -> list[_Row]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in compile_statement(select(table)).rows(connection)]
