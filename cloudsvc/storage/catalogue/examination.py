"""Examination of a catalogue from elsewhere before it is used: a backup can be anybody's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import Final

from cloudsvc.drive.accounts import MOST_QUOTAS
from cloudsvc.drive.media_types import parse_media_type
from cloudsvc.drive.names import parse_name
from cloudsvc.drive.nodes import EARLIEST, LATEST
from cloudsvc.storage.catalogue.connections import connect
from cloudsvc.storage.catalogue.nodes import read_path
from cloudsvc.storage.catalogue.schema import FILE, FOLDER, PURGED, ROOT, TRASH, metadata

_PLAIN: Final = re.compile(r"CREATE (?:TABLE|INDEX|UNIQUE INDEX)\s")
"""What defines a table or an index. Views, triggers and virtual tables would run whatever they like when asked."""

_OTHERS: Final = frozenset({"alembic_version", "sqlite_sequence", "sqlite_stat1"})
"""Tables that Alembic and SQLite make."""

_FORMER: Final = frozenset({"upload"})
"""Tables of catalogues that are not migrated yet."""

_TREE: Final = f"""
    WITH RECURSIVE reached (id, kind) AS (
        SELECT id, kind FROM node WHERE parent IS NULL AND kind = {FOLDER} AND id IN ({ROOT}, {TRASH}, {PURGED})
        UNION ALL
        SELECT node.id, node.kind FROM node JOIN reached ON node.parent = reached.id WHERE reached.kind = {FOLDER}
    )
    SELECT (SELECT count(*) FROM node) != (SELECT count(*) FROM reached)
"""  # noqa: S608  # constants
_CONTENT: Final = f"""
    SELECT count(*) FROM node LEFT JOIN version ON version.id = node.version AND version.node = node.id
    WHERE (node.kind = {FILE}) != (version.id IS NOT NULL) OR (node.kind = {FOLDER}) != (node.version IS NULL)
"""  # noqa: S608  # constants
_OWNERS: Final = f"""
    SELECT count(*) FROM account LEFT JOIN node ON node.id = account.owner AND node.kind = {FOLDER}
    WHERE node.parent IS NULL OR typeof(quota) != 'integer' OR quota < 0
"""  # noqa: S608  # a constant
_MANY_OWNERS: Final = f"SELECT count(*) > {MOST_QUOTAS} FROM account"  # noqa: S608  # a constant
_ACCOUNTS: Final = [
    f"SELECT count(*) FROM {table} WHERE account IS NOT {ROOT} AND account NOT IN (SELECT owner FROM account)"  # noqa: S608  # constants
    for table in ("version", "trash")
]
_TYPES: Final = "SELECT count(*) FROM version WHERE typeof(media_type) != 'text'"
_MOMENTS: Final = {
    "node": ("created_at", "updated_at"),
    "version": ("created_at", "coalesce(modified_at, 0)"),
    "trash": ("deleted_at",),
    "change": ("at",),
}
_DATES: Final = [
    f"SELECT count(*) FROM {table} WHERE typeof({column}) != 'integer' OR {column} NOT BETWEEN {EARLIEST} AND {LATEST}"  # noqa: S608  # constants
    for table, columns in _MOMENTS.items()
    for column in columns
]

_QUESTIONS: Final = [
    ("something is in no folder", _TREE),
    ("a file has no content, or a folder has some", _CONTENT),
    ("a quota is none, or no folder's", _OWNERS),
    ("too many folders have a quota", _MANY_OWNERS),
    *(("something counts to a quota that is none", question) for question in _ACCOUNTS),
    ("a media type is none", _TYPES),
    *(("a date is none", question) for question in _DATES),
]
"""What is wrong where the answer is not 0."""


def examine_definitions(path: Path) -> None:
    """
    See that there are tables in a catalogue, and nothing that acts. To be done before anything is asked of it. Blocks.

    :raises ValueError: there is something else, and what.
    :raises sqlite3.Error: it is no database.
    """
    with closing(connect(path)) as connection:
        expected = _OTHERS | _FORMER | metadata.tables.keys()
        for kind, name, table, definition in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"):
            automatic = kind == "index" and definition is None
            if table not in expected or not (automatic or _PLAIN.match(definition or "")):
                raise ValueError(f"it defines the {kind} {name!r}")


def examine(path: Path) -> None:
    """
    See that all in a migrated catalogue is what this program could have written. Blocks.

    :raises ValueError: something is not, and what.
    :raises CloudError: a name or a media type is none.
    :raises sqlite3.Error: it cannot be read.
    """
    with closing(connect(path)) as connection:
        for problem in _find_problems(connection):
            raise ValueError(problem)


def _find_problems(connection: Connection) -> Iterator[str]:
    for table in metadata.sorted_tables:
        columns = [(name, hidden) for _, name, *_, hidden in connection.execute(f"PRAGMA table_xinfo({table.name})")]
        if columns != [(column.name, 0) for column in table.columns]:
            yield f"the table {table.name!r} is another one"
    for (verdict,) in connection.execute("PRAGMA integrity_check(1)"):
        if verdict != "ok":
            yield verdict
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        yield "something refers to what is not there"
    for problem, question in _QUESTIONS:
        [found] = connection.execute(question).fetchone()
        if found:
            yield problem
    for (media_type,) in connection.execute("SELECT DISTINCT media_type FROM version"):
        parse_media_type(media_type)
    yield from _find_bad_names(connection)


def _find_bad_names(connection: Connection) -> Iterable[str]:
    """Names that nobody could have given. Those of the three tops are nobody's."""
    named = connection.execute("SELECT name, key, parent FROM node WHERE parent IS NOT NULL")
    for name, key, parent in named:
        parsed = parse_name(name)
        # In the trash, names need not differ.
        if parent not in {TRASH, PURGED} and parsed.key != key:
            yield f"the name {name!r} has another key"
    for (path,) in connection.execute("SELECT path FROM trash UNION ALL SELECT path FROM change"):
        read_path(path)
    for (source,) in connection.execute("SELECT source FROM change WHERE source IS NOT NULL"):
        read_path(source)
