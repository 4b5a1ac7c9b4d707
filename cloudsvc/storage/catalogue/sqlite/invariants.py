"""Invariants of the tables, each as a question whose answer is 0 wherever only this program has written."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Column, LargeBinary, String, Table

from cloudsvc.drive.accounts import MOST_QUOTAS
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.nodes import EARLIEST, LATEST
from cloudsvc.storage.catalogue.schema import FILE, FOLDER, PURGED, ROOT, TRASH, metadata

LAST_NUMBER: Final = 2**62
"""
No id and no number of a change is greater. Engines count to twice as much, and a restoration leaves some out: from here
on there are always more.
"""

_TREE: Final = f"""
    WITH RECURSIVE reached (id, kind) AS (
        SELECT id, kind FROM node WHERE parent IS NULL AND kind = {FOLDER} AND id IN ({ROOT}, {TRASH}, {PURGED})
        UNION ALL
        SELECT node.id, node.kind FROM node JOIN reached ON node.parent = reached.id WHERE reached.kind = {FOLDER}
    )
    SELECT (SELECT count(*) FROM node) != (SELECT count(*) FROM reached)
"""  # noqa: S608  # constants
_TOPS: Final = "SELECT count(*) != 3 FROM node WHERE parent IS NULL AND name = '' AND key = '' AND folded = ''"
_PLACES: Final = """
    SELECT count(*) != (SELECT count(*) FROM (SELECT DISTINCT parent, key FROM node WHERE parent IS NOT NULL))
    FROM node WHERE parent IS NOT NULL
"""
_CONTENT: Final = f"""
    SELECT count(*) FROM node LEFT JOIN version ON version.id = node.version AND version.node = node.id
    WHERE (node.kind = {FILE}) != (version.id IS NOT NULL) OR (node.kind = {FOLDER}) != (node.version IS NULL)
"""  # noqa: S608  # constants
_REPEATED: Final = """
    SELECT count(*) FROM node LEFT JOIN version ON version.id = node.version LEFT JOIN blob ON blob.id = version.blob
    WHERE node.size IS NOT blob.size OR node.media_type IS NOT version.media_type
"""
_CURRENT: Final = f"""
    SELECT count(*) FROM version JOIN node ON node.id = version.node
    WHERE node.kind != {FILE} OR (node.version IS version.id) != (version.superseded_at IS NULL)
"""  # noqa: S608  # a constant
_TAGGED: Final = f"SELECT count(*) FROM tag JOIN node ON node.id = tag.node WHERE node.kind != {FILE}"  # noqa: S608  # a constant
_TRASH: Final = f"""
    SELECT count(*) FROM node LEFT JOIN trash ON trash.node = node.id
    WHERE (node.parent IS {TRASH}) != (trash.id IS NOT NULL)
"""  # noqa: S608  # a constant
_ENTRIES: Final = "SELECT count(*) != count(DISTINCT node) FROM trash"
_BLOBS: Final = f"""
    SELECT count(*) FROM blob
    WHERE length(id) != 32 OR id GLOB '*[^0-9a-f]*' OR size < 0
    OR length(digest) != 32 OR crc32 NOT BETWEEN 0 AND {2**32 - 1}
"""  # noqa: S608  # a constant
_OWNERS: Final = f"""
    SELECT count(*) FROM account LEFT JOIN node ON node.id = account.owner AND node.kind = {FOLDER}
    WHERE node.parent IS NULL OR quota < 0
"""  # noqa: S608  # a constant
_MANY_OWNERS: Final = f"SELECT count(*) > {MOST_QUOTAS} FROM account"  # noqa: S608  # a constant
_ACCOUNTS: Final = [
    f"SELECT count(*) FROM {table} WHERE account IS NOT {ROOT} AND account NOT IN (SELECT owner FROM account)"  # noqa: S608  # constants
    for table in ("version", "trash")
]
_PAYERS: Final = [
    f"SELECT count(*) FROM {table} WHERE payer IS NOT NULL AND payer NOT IN (SELECT id FROM payer)"  # noqa: S608  # constants
    for table in ("version", "trash")
]
_PAYER_NAMES: Final = "SELECT count(*) != count(DISTINCT name) OR sum(name = '') FROM payer"
_MOMENTS: Final = {
    "node": ("created_at", "updated_at"),
    "version": ("created_at", "modified_at", "superseded_at"),
    "trash": ("deleted_at",),
    "change": ("at",),
}
_DATES: Final = [
    f"SELECT count(*) FROM {table} WHERE {column} NOT BETWEEN {EARLIEST} AND {LATEST}"  # noqa: S608  # constants
    for table, columns in _MOMENTS.items()
    for column in columns
]
_KINDS: Final = f"""
    SELECT count(*) FROM change
    WHERE is_folder NOT IN (0, 1) OR kind NOT IN ({", ".join(f"'{kind.value}'" for kind in ChangeKind)})
"""  # noqa: S608  # constants
_STATE: Final = "SELECT count(*) != 1 FROM state"
_FREEZE: Final = "SELECT count(*) FROM state WHERE (frozen_until != 0) + arriving + (successor != '') NOT IN (0, 1)"
_NUMBERS: Final = [
    f"SELECT count(*) FROM {table} WHERE {column} NOT BETWEEN {least} AND {LAST_NUMBER}"  # noqa: S608  # constants
    for table, column, least in (
        *((table, "id", 1) for table in ("node", "version", "trash", "pin", "payer")),
        *(("change", column, 1) for column in ("number", "node")),
        *(("state", column, 0) for column in ("forgotten", "last_change", "frozen_until", "arriving")),
        ("sqlite_sequence", "seq", 0),
    )
]
_GIVEN: Final = [
    "SELECT count(*) != count(DISTINCT name) OR sum(typeof(seq) != 'integer') FROM sqlite_sequence",
    *(
        # SQLite would look for the greatest id itself; others go on from the last one that was given.
        f"SELECT coalesce(max({column}), 0) > coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)"  # noqa: S608  # constants
        f" FROM {table}"
        for table, column in (("node", "id"), ("version", "id"), ("trash", "id"), ("change", "number"), ("pin", "id"))
    ),
]
"""Of the numbers that were given."""


def _ask_for_types(table: Table) -> str:
    """How many rows of a table have values that are not of the type of their column, which SQLite does not mind."""
    others = (f"typeof({column.name}) NOT IN ({_list_types(column)})" for column in table.columns)
    return f"SELECT count(*) FROM {table.name} WHERE {' OR '.join(others)}"  # noqa: S608  # constants


def _ask_for_zeros(table: Table) -> str | None:
    """How many rows of a table have a NUL in a text, which other engines do not take."""
    texts = [column.name for column in table.columns if isinstance(column.type, String)]
    found = " OR ".join(f"instr(CAST({text} AS BLOB), x'00')" for text in texts)
    return f"SELECT count(*) FROM {table.name} WHERE {found}" if texts else None  # noqa: S608  # constants


def _list_types(column: Column[Any]) -> str:
    types = {String: "'text'", LargeBinary: "'blob'"}
    expected = next((name for kind, name in types.items() if isinstance(column.type, kind)), "'integer'")
    return f"{expected}, 'null'" if column.nullable else expected


INVARIANTS: Final = (
    *(
        (f"something in the table {table.name!r} is of another type", _ask_for_types(table))
        for table in metadata.sorted_tables
    ),
    *(
        (f"a text in the table {table.name!r} holds a NUL", question)
        for table in metadata.sorted_tables
        if (question := _ask_for_zeros(table)) is not None
    ),
    *(("a number is none", question) for question in _NUMBERS),
    *(("a number was never given", question) for question in _GIVEN),
    ("there is no state, or more than one", _STATE),
    ("the drive is frozen for more than one reason", _FREEZE),
    ("one of the tops is missing, or has a name", _TOPS),
    ("something is in no folder", _TREE),
    ("two things are at one place", _PLACES),
    ("a file has no content, or a folder has some", _CONTENT),
    ("a version is none of its file's", _CURRENT),
    ("a size or a media type is not that of the content", _REPEATED),
    ("a folder has tags", _TAGGED),
    ("something in the trash has no entry there, or an entry nothing in the trash", _TRASH),
    ("something is in the trash twice", _ENTRIES),
    ("a blob is none", _BLOBS),
    ("a quota is none, or no folder's", _OWNERS),
    ("too many folders have a quota", _MANY_OWNERS),
    *(("something counts to a quota that is none", question) for question in _ACCOUNTS),
    *(("something was stored by nobody who is known", question) for question in _PAYERS),
    ("two users who have stored something have one name, or none", _PAYER_NAMES),
    *(("a date is none", question) for question in _DATES),
    ("a change is none", _KINDS),
)
"""What is wrong where the answer is not 0, and the question. Each relies on those before."""
