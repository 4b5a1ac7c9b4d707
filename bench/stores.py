"""A drive with a great many files, made without sending them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table, insert

from cloudsvc.drive.changes import ChangeKind
from cloudsvc.storage.catalogue.name_index.full_text import catch_up
from cloudsvc.storage.catalogue.schema import FILE, FOLDER, ROOT, blob, change, node, version
from cloudsvc.storage.catalogue.sqlite.migration import migrate
from cloudsvc.storage.catalogue.storing import count_bytes
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from cloudsvc.storage.database.statements import compile_statement
from cloudsvc.storage.local import CATALOGUE_NAME

MANY: Final = "many"
"""The folder with all files but those of the other."""

FEW: Final = "few"
"""A folder with no more files than a page has."""

PAGE: Final = 100

SIZE: Final = 4096
TYPE: Final = "text/plain"


def make_store(directory: Path, files: int) -> None:
    """
    Make a drive in ``directory`` whose catalogue has ``files`` files, as if each had been stored on its own, a while
    ago: their names are in the index. There are no blobs: nothing that is measured reads one.
    """
    directory.mkdir(mode=0o700)
    pretend_snapshots(directory / "snapshots")
    catalogue = directory / CATALOGUE_NAME
    migrate(catalogue)
    connection = connect(catalogue)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        _fill(connection, files)
        connection.execute("COMMIT")
        while catch_up(connection, 1):
            pass
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def pretend_snapshots(folder: Path) -> None:
    """Let nobody take a snapshot meanwhile: copying a store of this size takes longer than a round."""
    folder.mkdir(mode=0o700)
    for day in (datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)):
        (folder / f"catalogue-{day:%Y%m%d}T000000Z.sqlite3").touch()


def _fill(connection: SQLiteConnection, files: int) -> None:
    now = time.time_ns() // 1000
    folders = {name: _add_folder(connection, name, now) for name in (MANY, FEW)}
    places = [(folders[FEW], f"{FEW}/")] * PAGE + [(folders[MANY], f"{MANY}/")] * files
    first = max(folders.values()) + 1
    numbers = range(first, first + len(places))
    names = [f"file {number:07}.txt" for number in numbers]
    blobs = [hashlib.sha256(name.encode()).digest() for name in names]
    _insert(
        connection,
        blob,
        (
            {"id": each.hex()[:32], "digest": each, "crc32": 0, "size": SIZE, "refs": 1, "marked": 0}
            for each in sorted(blobs)
        ),
    )
    _insert(
        connection,
        node,
        (
            {
                "id": number,
                "parent": parent,
                "key": name,
                "name": name,
                "folded": name,
                "kind": FILE,
                "created_at": now + number,
                "updated_at": now + number,
                "version": number,
                "size": SIZE,
                "media_type": TYPE,
            }
            for number, name, (parent, _) in zip(numbers, names, places, strict=True)
        ),
    )
    _insert(
        connection,
        version,
        (
            {"id": number, "node": number, "blob": each.hex()[:32], "media_type": TYPE, "created_at": now + number}
            for number, each in zip(numbers, blobs, strict=True)
        ),
    )
    _insert(
        connection,
        change,
        (
            _note(number, is_folder=False, path=above + name, at=now + number)
            for number, name, (_, above) in zip(numbers, names, places, strict=True)
        ),
    )
    count_bytes(connection, SIZE * len(places))
    # What the catalogue would have counted: the next change has the number after the last one.
    connection.execute("UPDATE state SET last_change = (SELECT max(number) FROM change)")


def _add_folder(connection: SQLiteConnection, name: str, now: int) -> int:
    folder = {"parent": ROOT, "key": name, "name": name, "folded": name, "kind": FOLDER}
    _insert(connection, node, [{**folder, "created_at": now, "updated_at": now}])
    [number] = connection.execute("SELECT last_insert_rowid()").fetchone()
    _insert(connection, change, [_note(number, is_folder=True, path=name, at=now)])
    return int(number)


def _note(number: int, *, is_folder: bool, path: str, at: int) -> dict[str, Any]:
    kind = ChangeKind.CREATED.value
    return {"kind": kind, "node": number, "is_folder": is_folder, "path": path, "at": at, "actor": "owner"}


def _insert(connection: SQLiteConnection, table: Table, rows: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> None:
    rows = iter(rows)
    first = next(rows)
    statement = compile_statement(insert(table), *first)
    connection.execute(statement.sqlite.text, first)
    connection.executemany(statement.sqlite.text, rows)
