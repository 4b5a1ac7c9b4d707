"""A backup may be anybody's: what no drive could have written is refused, and has changed nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cloudsvc.administration.archive import CATALOGUE_NAME, ArchiveWriter
from cloudsvc.administration.backup import Backup
from cloudsvc.administration.progress import SILENCE
from cloudsvc.administration.restoration import restore_backup
from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.blobs import BlobMissing
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.opened import OpenedDrive
from tests.support.administration import fill, find_blob, load, load_all, open_tools, opened, read_files, store
from tests.support.reactors import in_reactor

FILES = {"a": b"a" * 1000, "folder/b": b"b" * 1000}

HOSTILE = {
    "a trigger": "CREATE TRIGGER t AFTER UPDATE ON state BEGIN DELETE FROM tag; END",
    "a view": "CREATE VIEW v AS SELECT 1",
    "an endless view": """
        DROP TABLE alembic_version;
        CREATE VIEW alembic_version AS
            WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS version_num FROM r WHERE n < 0
    """,
    "a trigger that says it is a table": """
        CREATE TRIGGER t AFTER UPDATE ON state BEGIN DELETE FROM tag; END;
        UPDATE sqlite_schema SET type = 'table', tbl_name = 'node' WHERE name = 't'
    """,
    "a virtual table": "CREATE VIRTUAL TABLE f USING fts5(a)",
    "another table": "CREATE TABLE other (a)",
    "another column": "ALTER TABLE node ADD COLUMN other",
    "a computed column": "ALTER TABLE node ADD COLUMN other AS (hex(zeroblob(1000000000)))",
    "a name that leads up": "UPDATE node SET name = '..', key = '..' WHERE name = 'a'",
    "a name with a slash": "UPDATE node SET name = '../../a', key = '../../a' WHERE name = 'a'",
    "a name in bytes": "UPDATE node SET name = x'41' WHERE name = 'a'",
    "a name that is no text": "UPDATE node SET name = CAST(x'ff' AS TEXT) WHERE name = 'a'",
    "another key": "UPDATE node SET key = 'b' WHERE name = 'a'",
    "a folder in itself": "UPDATE node SET parent = id WHERE name = 'folder'",
    "a second top": "UPDATE node SET parent = NULL WHERE name = 'folder'",
    "a file in a file": "UPDATE node SET parent = (SELECT id FROM node WHERE name = 'a') WHERE name = 'b'",
    "a file without content": "UPDATE node SET version = 99 WHERE name = 'a'",
    "a folder with content": "UPDATE node SET version = 1 WHERE name = 'folder'",
    "a version without a blob": "DELETE FROM blob WHERE id = (SELECT max(id) FROM blob)",
    "a blob that leads up": """
        UPDATE version SET blob = '../../../../etc/passwd' WHERE id = 1;
        UPDATE blob SET id = '../../../../etc/passwd' WHERE id NOT IN (SELECT blob FROM version)
    """,
    "a date after all years": "UPDATE node SET updated_at = 9000000000000000000 WHERE name = 'a'",
    "a date that is none": "UPDATE version SET created_at = 'today'",
    "a header in a media type": """
        UPDATE version SET media_type = 'a/b' || char(13, 10) || 'Set-Cookie: a=b';
        UPDATE node SET media_type = 'a/b' || char(13, 10) || 'Set-Cookie: a=b' WHERE kind = 1
    """,
    "a media type and more words": """
        UPDATE version SET media_type = 'image/png extra words';
        UPDATE node SET media_type = 'image/png extra words' WHERE kind = 1
    """,
    "a media type in bytes": "UPDATE version SET media_type = x'612f62'",
    "a former path that leads up": "UPDATE change SET path = '../a'",
    "no state": "DELETE FROM state",
    "two states": "INSERT INTO state SELECT 2, epoch, stored_bytes, 0, 0, last_change, '', 0, 0, '' FROM state",
    "a tag with a line feed": "INSERT INTO tag VALUES ((SELECT id FROM node WHERE name = 'a'), 'a' || char(10) || 'b')",
    "a tag of a folder": "INSERT INTO tag VALUES ((SELECT id FROM node WHERE name = 'folder'), 'a')",
    "a size that is text": "UPDATE node SET size = 'large' WHERE name = 'a'",
    "a size that is another one": "UPDATE node SET size = 1 WHERE name = 'a'",
    "a version of a folder": "UPDATE version SET node = (SELECT id FROM node WHERE name = 'folder') WHERE id = 1",
    "a content that will expire": "UPDATE version SET superseded_at = 1 WHERE id = 1",
    "an entry of the trash that is none": """
        INSERT INTO trash (node, path, deleted_at, actor) SELECT id, name, 1, 'owner' FROM node WHERE name = 'a'
    """,
    "something in the trash that has no entry": "UPDATE node SET parent = 2, key = id WHERE name = 'a'",
    "a change of no kind": "UPDATE change SET kind = 'eaten'",
    "ids that come to an end": "UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'node'",
    "ids that were never given": "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'version'",
    "ids that are counted twice": "INSERT INTO sqlite_sequence VALUES ('version', 7)",
    "ids that are no numbers": "UPDATE sqlite_sequence SET seq = NULL WHERE name = 'version'",
    "no trash": "DELETE FROM node WHERE id = 2",
    "a trash with a name": "UPDATE node SET name = 'trash' WHERE id = 2",
    "an actor that is no text": "UPDATE change SET actor = CAST(x'ff' AS TEXT)",
    "an actor with a NUL": "UPDATE change SET actor = 'a' || char(0)",
    "a folded name that is no text": "UPDATE node SET folded = CAST(x'ff' AS TEXT) WHERE name = 'a'",
    "a blob twice": """
        CREATE TABLE other (
            id VARCHAR NOT NULL, digest BLOB, size INTEGER NOT NULL, refs INTEGER NOT NULL, marked INTEGER NOT NULL,
            crc32 INTEGER
        );
        INSERT INTO other SELECT * FROM blob;
        INSERT INTO other SELECT * FROM blob;
        DROP TABLE blob;
        ALTER TABLE other RENAME TO blob
    """,
    "ids that begin again": "DELETE FROM sqlite_sequence WHERE name = 'node'",
    "numbers of changes that come to an end": "UPDATE state SET last_change = 9223372036854775807",
    "ids that are given again": """
        CREATE TABLE other (id INTEGER NOT NULL PRIMARY KEY, until INTEGER NOT NULL);
        DROP TABLE pin;
        ALTER TABLE other RENAME TO pin
    """,
    "two files at one place": """
        CREATE TABLE other (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, parent INTEGER, key, name, folded, kind, created_at,
            updated_at, version, size, media_type, FOREIGN KEY(parent) REFERENCES node (id)
        );
        INSERT INTO other SELECT * FROM node;
        UPDATE other SET parent = 1, key = 'a', name = 'a' WHERE name = 'b';
        DROP TABLE node;
        ALTER TABLE other RENAME TO node
    """,
}

CHAINS = {
    "no text": "x'2f312f'",
    "nothing": "''",
    "words": "'/1/a/'",
    "a quotation mark": """'/1/"/'""",
    "a list that ends": "'/1],[/'",
    "no slash at its end": "'/1/5'",
    "no slash": "'1'",
    "spaces": "'/1/ 5/'",
    "a sign": "'/1/+5/'",
    "zeros": "'/1/05/'",
    "underlines": "'/1/1_0/'",
    "figures of elsewhere": "'/1/' || char(1637) || '/'",
    "an empty step": "'/1//5/'",
    "a number that is too large": "'/1/99999999999999999999999999/'",
    "an id that was never given": "'/1/999999/' || node || '/'",
    "an id that cannot be": "'/1/-5/' || node || '/'",
    "another top": "'/5/' || node || '/'",
    "the trash": "'/1/2/' || node || '/'",
    "a folder twice": "'/1/1/' || node || '/'",
    "another node at its end": "'/1/' || (SELECT max(id) FROM node WHERE id != change.node) || '/'",
}


async def back_up(drive: OpenedDrive, file: Path) -> None:
    await Backup(copies=drive.copies, blobs=drive.blobs, disk=drive.disk, now=drive.now).write(file, SILENCE)


def forge(directory: Path, archive: Path, script: str) -> None:
    """A backup of the closed drive in ``directory``, with a catalogue that ``script`` has changed."""
    catalogue = directory.with_name("forged.sqlite3")
    with (
        closing(sqlite3.connect(directory / "catalogue.sqlite3")) as original,
        closing(sqlite3.connect(catalogue, isolation_level=None)) as forged,
    ):
        blobs = [BlobId(row[0]) for row in original.execute("SELECT id FROM blob WHERE refs > 0 ORDER BY id")]
        original.backup(forged)
        forged.executescript(f"PRAGMA writable_schema = ON; {script}")
    with archive.open("wb") as stream:
        writer = ArchiveWriter(stream, "2026-01-01T00:00:00.000000Z")
        for name, place in [
            (CATALOGUE_NAME, catalogue),
            *((f"blobs/{blob}", find_blob(directory, blob)) for blob in blobs),
        ]:
            with place.open("rb") as content:
                writer.add(name, content, place.stat().st_size)
        writer.end()


async def restore(archive: Path, directory: Path, *, replace: bool = False) -> None:
    async with open_tools() as resources:
        await restore_backup(archive, directory, resources, SILENCE, replace=replace)


@pytest.mark.parametrize("how", HOSTILE)
@in_reactor
async def test_what_no_drive_could_have_written_is_refused(tmp_path: Path, how: str) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive, FILES)
    forge(tmp_path / "drive", tmp_path / "backup.tar", HOSTILE[how])
    before = read_files(tmp_path / "drive")
    with pytest.raises(OperatorError, match="nothing has changed"):
        await restore(tmp_path / "backup.tar", tmp_path / "drive", replace=True)
    assert read_files(tmp_path / "drive") == before


@pytest.mark.parametrize("column", ["trash.chain", "change.chain", "change.source_chain"])
@pytest.mark.parametrize("how", CHAINS)
@in_reactor
async def test_a_chain_that_is_none_is_refused(tmp_path: Path, how: str, column: str) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive, FILES)
        await drive.drive.discard(OWNER, parse_path("a"))
    table, _, name = column.partition(".")
    script = f"UPDATE {table} SET {name} = {CHAINS[how].replace('change.node', f'{table}.node')}"  # noqa: S608  # constants
    forge(tmp_path / "drive", tmp_path / "backup.tar", script)
    expected = "of another type" if how == "no text" else "folders above node"
    with pytest.raises(OperatorError, match=f"{expected}.*nothing has changed"):
        await restore(tmp_path / "backup.tar", tmp_path / "new")
    assert not [*(tmp_path / "new").glob("catalogue*")]


@in_reactor
async def test_an_honest_one_that_was_made_in_the_same_way_is_restored(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive, FILES)
    forge(tmp_path / "drive", tmp_path / "backup.tar", "SELECT 1")
    await restore(tmp_path / "backup.tar", tmp_path / "new")
    async with opened(tmp_path / "new") as drive:
        assert await load_all(drive) == FILES


@in_reactor
async def test_counts_that_are_wrong_lose_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive, FILES)
    script = "UPDATE blob SET refs = 0, marked = 1; UPDATE state SET stored_bytes = -7"
    forge(tmp_path / "drive", tmp_path / "backup.tar", script)
    await restore(tmp_path / "backup.tar", tmp_path / "new")
    async with opened(tmp_path / "new") as drive:
        assert await drive.catalogue.stored_bytes() == 2000
        await drive.collection.collect()
        assert await load_all(drive) == FILES


@in_reactor
async def test_what_nothing_referred_to_then_is_not_taken_for_stored(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive, FILES)
        for file in FILES:
            await drive.drive.discard(OWNER, parse_path(file))
        await drive.drive.purge(OWNER, None)
        await drive.catalogue.remove_purged(100)
        unused = [*(tmp_path / "drive/blobs").rglob("?" * 32)]
        assert len(unused) == 2
        await back_up(drive, tmp_path / "backup.tar")
    await restore(tmp_path / "backup.tar", tmp_path / "new")
    async with opened(tmp_path / "new") as drive:
        assert await drive.catalogue.stored_bytes() == 0
        await store(drive, "again", FILES["a"])
        assert await load(drive, "again") == FILES["a"]
        with pytest.raises(BlobMissing):
            await drive.blobs.open(Blob(id=BlobId(unused[0].name), size=0, digest=None))
        # The pin that held the blobs for the backup holds nothing in the new drive.
        await drive.drive.discard(OWNER, parse_path("again"))
        await drive.drive.purge(OWNER, None)
        assert await drive.collection.collect() == 1
