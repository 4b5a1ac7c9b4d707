"""
Interchange of accounts: all rows into a new SQLite file, whatever the engine, and back in one transaction.

A file that comes back can be anybody's. It is never worked with: it has to define what this program would have made and
nothing else, all its rows have to be what this program could have written, and they are copied.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import bindparam, delete, insert, update

from cloudsvc.identity.revisions import Standing
from cloudsvc.storage.database.sqlite.connections import OWNER_ONLY, connect
from cloudsvc.storage.database.sqlite.migration import find_revision, migrate
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity.invariants import check_rows
from cloudsvc.storage.identity.migration import HISTORY
from cloudsvc.storage.identity.owner import gets_anybody_in, set_switch
from cloudsvc.storage.identity.revisions import count_on, find_standing
from cloudsvc.storage.identity.revisions import find_revision as find_last_change
from cloudsvc.storage.identity.schema import (
    challenge,
    link_part,
    pending,
    restriction,
    session,
    state,
    webhook,
    webhook_attempt,
)
from cloudsvc.storage.identity.table_pages import TABLES, list_rows

_REPLACED: Final = tuple(each for each in TABLES if each is not restriction)
"""Those of which a replacement leaves nothing: which changes there have been, a store goes on to know."""

_ENDED: Final = (webhook_attempt, webhook, session, pending, challenge, link_part)
"""
In the order in which they are emptied. Sessions are in no copy, and none is taken from a file: who has signed out stays
out, and others sign in again. Nor are webhooks: a file that can be anybody's must not say where things are sent to, and
a copy needs no secrets with which messages are signed. Nor are uses of links that may be gone on with: who goes on with
one later begins another.
"""

_INSERTIONS: Final = {
    table: compile_statement(insert(table), *(column.name for column in table.columns)) for table in TABLES
}
_DELETIONS: Final = {table: compile_statement(delete(table)) for table in (*_REPLACED, *_ENDED)}
_SET_STATE: Final = compile_statement(
    update(state).values(
        revision=bindparam("new_revision"), void_until=bindparam("until"), refuses_owner=bindparam("refused")
    )
)
_SET_VOID: Final = compile_statement(update(state).values(void_until=bindparam("until")))


def write_accounts(connection: Connection, destination: Path) -> None:
    """
    Write all accounts to a new file, durably. Blocks.

    :param connection: reads from one moment.
    :raises OSError: it is there already, or cannot be written.
    :raises sqlite3.Error: likewise.
    """
    descriptor = os.open(destination, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        migrate(destination, HISTORY)
        with closing(connect(destination)) as copy:
            # Nobody else has it, and it is of no use until it is whole.
            copy.execute("PRAGMA journal_mode = MEMORY")
            copy.execute("PRAGMA synchronous = OFF")
            copy.execute("BEGIN")
            for table in TABLES:
                for rows in list_rows(connection, table):
                    _INSERTIONS[table].run_for_each(copy, rows)
            standing = find_standing(connection)
            _SET_STATE.run(
                copy,
                new_revision=standing.revision,
                until=standing.void_until,
                refused=int(standing.refuses_owner),
            )
            copy.execute("COMMIT")
        os.fsync(descriptor)
    except BaseException:
        destination.unlink()
        raise
    finally:
        os.close(descriptor)


def examine(file: Path, work: Path) -> None:
    """
    See that a file that nobody has open holds accounts that this program could have written, and bring it to the newest
    schema. Blocks.

    :param work: a directory for what is compared with it.
    :raises NewerSchema: a newer program has written it.
    :raises ValueError: it does not, and why.
    :raises sqlite3.Error: it is no database.
    :raises OSError: it cannot be read.
    """
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as found:
        definitions = _list_definitions(found)
    # Before anything of it is asked that it could answer in a way of its own.
    if not any(each[1] == HISTORY.version_table and each[0] == "table" for each in definitions):
        raise ValueError("it has no accounts")
    if any(each[0] not in {"table", "index"} for each in definitions):
        raise ValueError("it defines more than tables")
    revision = find_revision(file, HISTORY)
    made = work / "expected.sqlite3"
    if revision in HISTORY.list_revisions():
        migrate(made, HISTORY, str(revision))
        with closing(connect(made)) as expected:
            if definitions != _list_definitions(expected):
                raise ValueError("its tables are others")
        made.unlink()
    migrate(file, HISTORY)
    with closing(connect(file)) as connection:
        check_rows(connection)


def replace_all(connection: Connection, source: Path, *, ends_credentials: bool) -> Standing:
    """
    Let a store hold the accounts of an examined file, and nothing else, as one restricting change. Blocks.

    Its revision goes on from the greater one, and it goes on to know the changes that it knew, so that whoever follows
    it sees that it has changed, and takes it for no older one.

    The owner's token is off after it where it was in either, if somebody else still gets in to manage the accounts.

    :param connection: in a transaction, which nobody sees anything of until it is committed.
    :param ends_credentials: whether no key and no password is any good from now on: some may have been revoked since.
    :raises sqlite3.Error: the file cannot be read.
    """
    for table in (*_ENDED, *reversed(_REPLACED)):
        _DELETIONS[table].run(connection)
    with closing(connect(source)) as content:
        for table in _REPLACED:
            for rows in list_rows(content, table):
                _INSERTIONS[table].run_for_each(connection, rows)
        given, taken = find_last_change(content), find_standing(content)
    former = find_standing(connection)
    # A revision that the file has given must not be given once more.
    _SET_STATE.run(connection, new_revision=max(former.revision, given), until=taken.void_until, refused=0)
    revision = count_on(connection)
    if ends_credentials:
        _SET_VOID.run(connection, until=revision)
    refused = former.refuses_owner or taken.refuses_owner
    set_switch(connection, refused=refused and gets_anybody_in(connection))
    return find_standing(connection)


def _list_definitions(connection: sqlite3.Connection) -> set[tuple[str, str, str, str | None]]:
    return {tuple(row) for row in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")}
