"""Examination of a catalogue from elsewhere before it is used: a backup can be anybody's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import Final

from sqlalchemy import Table

from cloudsvc.drive.media_types import parse_media_type
from cloudsvc.drive.names import parse_name
from cloudsvc.drive.tags import check_tag
from cloudsvc.storage.catalogue.nodes import read_chain, read_path
from cloudsvc.storage.catalogue.schema import PURGED, ROOT, TRASH, metadata
from cloudsvc.storage.catalogue.sqlite.invariants import INVARIANTS
from cloudsvc.storage.database.sqlite.connections import connect

_PLAIN: Final = re.compile(r"CREATE (?:TABLE|INDEX|UNIQUE INDEX)\s")
"""What defines a table or an index. Views, triggers and virtual tables would run whatever they like when asked."""

_OTHERS: Final = frozenset({"alembic_version", "sqlite_sequence", "sqlite_stat1"})
"""Tables that Alembic and SQLite make."""

_COUNTING: Final = re.compile(r'CREATE TABLE "?\w+"? \(\s*\w+ INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT\b')
"""How a table begins whose ids are never given again: a grant on what is gone must not come to mean something else."""

_NUMBER: Final = re.compile("[1-9][0-9]{0,18}")
_CHAIN: Final = re.compile(rf"/{ROOT}(?:/[1-9][0-9]{{0,18}})*/")
"""As ``format_chain`` formats it; longer numbers are no ids."""

_CHAINS: Final = """
    SELECT node, chain FROM trash UNION ALL SELECT node, chain FROM change
    UNION ALL SELECT node, source_chain FROM change WHERE source_chain IS NOT NULL
"""

_FORMER: Final = frozenset({"upload"})
"""Tables of catalogues that are not migrated yet."""


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
    yield from (
        f"the table {table.name!r} is another one" for table in metadata.sorted_tables if _differs(connection, table)
    )
    for (verdict,) in connection.execute("PRAGMA integrity_check(1)"):
        if verdict != "ok":
            yield verdict
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        yield "something refers to what is not there"
    for problem, question in INVARIANTS:
        [found] = connection.execute(question).fetchone()
        if found:
            yield problem
    for (media_type,) in connection.execute("SELECT DISTINCT media_type FROM version"):
        parse_media_type(media_type)
    for (tag,) in connection.execute("SELECT DISTINCT tag FROM tag"):
        check_tag(tag)
    yield from _find_bad_names(connection)
    yield from _find_bad_chains(connection)


def _differs(connection: Connection, table: Table) -> bool:
    """Whether a table has other columns, refers to others in another way, or gives ids again that are gone."""
    described = connection.execute(f"PRAGMA table_xinfo({table.name})")
    columns = [(name, position > 0, hidden) for _, name, *_, position, hidden in described]
    keys = {key[2:5] for key in connection.execute(f"PRAGMA foreign_key_list({table.name})")}
    expected = {(key.column.table.name, key.parent.name, key.column.name) for key in table.foreign_keys}
    if columns != [(column.name, column.primary_key, 0) for column in table.columns] or keys != expected:
        return True
    [definition] = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table.name,)).fetchone()
    is_counting, counts = (
        _COUNTING.match(definition) is not None,
        bool(table.dialect_options["sqlite"]["autoincrement"]),
    )
    return is_counting != counts


def _find_bad_names(connection: Connection) -> Iterable[str]:
    """Names that nobody could have given. Those of the three tops are nobody's."""
    # What is read is UTF-8, or there is an error.
    named = connection.execute("SELECT name, key, parent, folded FROM node WHERE parent IS NOT NULL")
    for name, key, parent, _ in named:
        parsed = parse_name(name)
        # In the trash, names need not differ, and numbers are their keys.
        if not _NUMBER.fullmatch(key) if parent in {TRASH, PURGED} else parsed.key != key:
            yield f"the name {name!r} has another key"
    connection.execute("SELECT DISTINCT actor FROM trash UNION SELECT actor FROM change").fetchall()
    for (path,) in connection.execute("SELECT path FROM trash UNION ALL SELECT path FROM change"):
        read_path(path)
    for (source,) in connection.execute("SELECT source FROM change WHERE source IS NOT NULL"):
        read_path(source)


def _find_bad_chains(connection: Connection) -> Iterable[str]:
    """
    Chains that lead to something else than what they are remembered for, or along what has never been. Statements read
    them as they are, and grants are evaluated by them.
    """
    [last] = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'node'").fetchone()
    for node, text in connection.execute(_CHAINS):
        ids = read_chain(text) if _CHAIN.fullmatch(text) else ()
        # What happened before chains were remembered has the root alone.
        is_its_own = ids[-1:] in {(node,), (ROOT,)}
        if not is_its_own or len({*ids, TRASH, PURGED}) != len(ids) + 2 or max(ids) > (last or 0):
            yield f"the folders above node {node} cannot have been {text!r}"
