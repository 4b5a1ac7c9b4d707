"""Journal of a migration: what of it is done, durably, so that whoever is interrupted goes on where that was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

from cloudsvc.drive.nodes import Blob, BlobId

_TABLES: Final = """
    CREATE TABLE IF NOT EXISTS migration (source TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS installed (epoch TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS verified (id BLOB PRIMARY KEY, brought INTEGER) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS present (id BLOB PRIMARY KEY) WITHOUT ROWID;
"""

_PAGE: Final = 500


@frozen
class Journal:
    """
    What the target of a migration has. Of each blob there is a row; in memory there are as many as are asked for.

    Its methods block, and raise ``sqlite3.Error`` where the disk fails. One of them at a time.
    """

    _connection: sqlite3.Connection
    _file: Path

    @classmethod
    @contextmanager
    def open(cls, file: Path, source: str) -> Iterator[Journal]:
        """
        The journal in ``file``, which is made where it is missing.

        :param source: which drive is migrated. Of another one, what was noted is forgotten.
        """
        # In one thread at a time, but not always in the same one.
        connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        try:
            file.chmod(0o600)
            connection.executescript(_TABLES)
            journal = cls(connection, file)
            journal._begin(source)
            yield journal
        finally:
            connection.close()

    @staticmethod
    def is_of(file: Path, source: str) -> bool:
        """Whether there is a journal in ``file``, and of ``source``. Nothing is made or forgotten."""
        if not file.exists():
            return False
        # Not for reading alone: whoever was killed may have left something to be rolled back.
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True)) as connection:
            found = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'migration'").fetchone()
            return found != (0,) and connection.execute("SELECT source FROM migration").fetchall() == [(source,)]

    def note_installation(self, epoch: str) -> None:
        """A catalogue that begins with this epoch is about to be installed."""
        self._connection.execute("INSERT OR IGNORE INTO installed VALUES (?)", (epoch,))

    def has_installed(self, epoch: str) -> bool:
        """Whether a catalogue with this epoch may have been installed."""
        question = "SELECT 1 FROM installed WHERE epoch = ?"
        return self._connection.execute(question, (epoch,)).fetchone() is not None

    def forget_present(self) -> None:
        """What the store of the target holds is about to be listed."""
        self._connection.execute("DELETE FROM present")

    def note_present(self, blobs: Iterable[BlobId]) -> None:
        """The store of the target holds something under these ids."""
        with self._transaction():
            self._connection.executemany("INSERT OR IGNORE INTO present VALUES (?)", ((_pack(blob),) for blob in blobs))

    def forget_missing(self) -> None:
        """Forget what the store does not hold any more."""
        self._connection.execute("DELETE FROM verified WHERE id NOT IN (SELECT id FROM present)")

    def choose(self, blobs: Sequence[Blob]) -> list[tuple[Blob, bool]]:
        """Those of ``blobs`` that are not verified, each with whether the store had something under its id."""
        return [(blob, self._knows("present", blob)) for blob in blobs if not self._knows("verified", blob)]

    def note(self, blobs: Iterable[tuple[Blob, bool]]) -> None:
        """The target has these blobs, whole; each with whether it was brought, and not there before."""
        rows = ((_pack(blob.id), brought) for blob, brought in blobs)
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO verified (id, brought) VALUES (?, ?)", rows)

    def list_brought(self) -> Iterator[Sequence[BlobId]]:
        """All that was brought, some at a time."""
        last = b""
        question = "SELECT id FROM verified WHERE brought AND id > ? ORDER BY id LIMIT ?"
        while found := [each for (each,) in self._connection.execute(question, (last, _PAGE))]:
            yield [BlobId(each.hex()) for each in found]
            last = found[-1]

    def remove(self) -> None:
        """The migration is done."""
        self._connection.close()
        self._file.unlink(missing_ok=True)

    def _begin(self, source: str) -> None:
        found = self._connection.execute("SELECT source FROM migration").fetchall()
        if found != [(source,)]:
            with self._transaction():
                for table in ("migration", "installed", "verified", "present"):
                    self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  # constants
                self._connection.execute("INSERT INTO migration (source) VALUES (?)", (source,))

    def _knows(self, table: str, blob: Blob) -> bool:
        question = f"SELECT 1 FROM {table} WHERE id = ?"  # noqa: S608  # constants
        return self._connection.execute(question, (_pack(blob.id),)).fetchone() is not None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _pack(blob: BlobId) -> bytes:
    return bytes.fromhex(blob)
