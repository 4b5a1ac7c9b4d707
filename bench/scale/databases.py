"""A catalogue with a great many files in PostgreSQL, made by the server itself out of a series of numbers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final

import psycopg
from attrs import frozen

from bench.stores import FEW, MANY, PAGE, SIZE, TYPE
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.storage.catalogue.postgresql.migration import migrate
from cloudsvc.storage.catalogue.schema import FILE, FOLDER, PURGED, ROOT

_BATCH: Final = 500_000
"""Files that one statement makes."""

_FOLDERS: Final = {FEW: PURGED + 1, MANY: PURGED + 2}
_FIRST: Final = PURGED + 3
"""Id of the first file; those of the small folder come first."""

_INDICES: Final = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid::regclass::text IN ('node', 'blob', 'version', 'change') AND NOT indisunique
    ORDER BY 1
"""
"""Those that keep no rule: they are made after the rows, which takes a fraction of the time."""

_WORD: Final = "left(lower(translate(encode(sha256(id::text::bytea), 'base64'), '+/=', 'xyz')), 8)"
"""Letters and digits that no other name has. A text of digits alone is in too many names for an index of trigrams."""

_PLACES: Final = f"""
    SELECT id, lpad(id::text, 8, '0') || ' ' || {_WORD} || '.txt' AS name,
        CASE WHEN id < {_FIRST + PAGE} THEN {_FOLDERS[FEW]} ELSE {_FOLDERS[MANY]} END AS parent,
        CASE WHEN id < {_FIRST + PAGE} THEN '{FEW}/' ELSE '{MANY}/' END AS above,
        %(now)s + id AS at
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS id
"""  # noqa: S608  # constants
_CONTENTS: Final = f"SELECT *, sha256(name::bytea) AS digest FROM ({_PLACES}) AS place"  # noqa: S608  # likewise

_FILL: Final = (
    f"""
    INSERT INTO blob (id, digest, crc32, size, refs, marked)
    SELECT left(encode(digest, 'hex'), 32), digest, 0, {SIZE}, 1, 0 FROM ({_CONTENTS}) AS content ORDER BY 1
    """,  # noqa: S608  # likewise
    f"""
    INSERT INTO node (id, parent, key, name, folded, kind, created_at, updated_at, version, size, media_type)
    SELECT id, parent, name, name, name, {FILE}, at, at, id, {SIZE}, '{TYPE}' FROM ({_PLACES}) AS place
    """,  # noqa: S608  # likewise
    f"""
    INSERT INTO version (id, node, blob, media_type, created_at)
    SELECT id, id, left(encode(digest, 'hex'), 32), '{TYPE}', at FROM ({_CONTENTS}) AS content
    """,  # noqa: S608  # likewise
    f"""
    INSERT INTO change (number, kind, node, is_folder, path, at, actor, chain)
    SELECT id - {PURGED}, '{ChangeKind.CREATED.value}', id, 0, above || name, at, 'owner', '/1/' || parent || '/' || id || '/'
    FROM ({_PLACES}) AS place
    """,  # noqa: E501, S608  # likewise
)
_ADD_FOLDER: Final = f"""
    WITH folder AS (
        INSERT INTO node (id, parent, key, name, folded, kind, created_at, updated_at)
        VALUES (%(id)s, {ROOT}, %(name)s, %(name)s, %(name)s, {FOLDER}, %(now)s, %(now)s)
    )
    INSERT INTO change (number, kind, node, is_folder, path, at, actor, chain)
    VALUES (%(id)s - {PURGED}, '{ChangeKind.CREATED.value}', %(id)s, 1, %(name)s, %(now)s, 'owner', '/1/' || %(id)s || '/')
"""  # noqa: E501, S608  # likewise
_COUNT: Final = f"""
    UPDATE state SET stored_bytes = {SIZE} * %(files)s::bigint, last_change = %(last)s - {PURGED}, installation = %(installation)s
"""  # noqa: E501, S608  # likewise
_GO_ON: Final = "SELECT setval('node_id_seq', %(last)s), setval('version_id_seq', %(last)s)"


@frozen(kw_only=True)
class Filling:
    """
    What is to be made.

    :ivar files: in the large folder.
    :ivar now: the moment of the first, in microseconds.
    :ivar installation: to whom the blobs would belong. There are none: nothing that is measured reads one.
    """

    files: int
    now: int
    installation: str

    @property
    def first(self) -> int:
        """Id of the first file of the large folder."""
        return _FIRST + PAGE

    @property
    def last(self) -> int:
        """Id of the last file."""
        return self.first + self.files - 1


def find_word(number: int) -> str:
    """The part of the name of the file with this id that no other file has."""
    digest = b64encode(sha256(str(number).encode()).digest()).decode()
    return digest[:8].translate(str.maketrans("+/=", "xyz")).lower()


def name_file(number: int) -> str:
    """The name of the file with this id."""
    return f"{number:08} {find_word(number)}.txt"


def fill_database(url: str, filling: Filling, announce: Callable[[str], None]) -> None:
    """
    Make the catalogue of a drive in an empty database: a small folder of one page and a large one, each file as if it
    had been stored on its own a while ago.

    Needs a superuser: the rules between tables are not looked at again for each row, for the rows keep them.

    :raises psycopg.Error: it failed.
    """
    migrate(Secret(url))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB'"
        )
        with _without_indices(connection, announce):
            for name, number in _FOLDERS.items():
                connection.execute(_ADD_FOLDER, {"id": number, "name": name, "now": filling.now})
            for first in range(_FIRST, filling.last + 1, _BATCH):
                last = min(first + _BATCH - 1, filling.last)
                for statement in _FILL:
                    connection.execute(statement.encode(), {"first": first, "last": last, "now": filling.now})
                announce(f"files of the large catalogue: {last - _FIRST + 1:,}")
        files = filling.last - _FIRST + 1
        given = {"files": files, "last": filling.last, "installation": filling.installation}
        connection.execute(_COUNT, given)
        connection.execute(_GO_ON, {"last": filling.last})
        # As the server itself would have done by and by.
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextmanager
def _without_indices(
    connection: psycopg.Connection[tuple[str, str]], announce: Callable[[str], None]
) -> Iterator[None]:
    found = connection.execute(_INDICES).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}".encode())
    yield
    for name, definition in found:
        announce(f"index {name} of the large catalogue")
        connection.execute(definition.encode())
