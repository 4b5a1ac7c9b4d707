"""
Interchange of accounts: all rows into a new SQLite file, whatever the engine, and back in one transaction.

A file that comes back can be anybody's. It is never worked with: it has to define what this program would have made and
nothing else, all its rows have to be what this program could have written, and they are copied.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table, bindparam, delete, insert, select, tuple_, update

from cloudsvc.core.actors import Grant
from cloudsvc.core.errors import CloudError
from cloudsvc.identity.keys import parse_key_rate
from cloudsvc.identity.link_format import is_link_id
from cloudsvc.identity.names import AccountName, parse_account_name, parse_display_name
from cloudsvc.identity.passwords import is_hash
from cloudsvc.identity.revisions import Revision, Standing
from cloudsvc.identity.scopes import parse_scopes
from cloudsvc.identity.totp import is_totp_secret
from cloudsvc.identity.web_authentication import MAX_CREDENTIAL, MAX_PUBLIC_KEY
from cloudsvc.storage.database.sqlite.connections import OWNER_ONLY, SQLiteConnection, connect
from cloudsvc.storage.database.sqlite.migration import find_revision, migrate
from cloudsvc.storage.database.statements import Connection, Statement, compile_statement
from cloudsvc.storage.identity import groups, keys, links, subjects, users
from cloudsvc.storage.identity.factors import read_passkey
from cloudsvc.storage.identity.migration import HISTORY
from cloudsvc.storage.identity.owner import gets_anybody_in, set_switch
from cloudsvc.storage.identity.revisions import count_on, find_standing
from cloudsvc.storage.identity.revisions import find_revision as find_last_change
from cloudsvc.storage.identity.rows import read_group, read_key, read_user
from cloudsvc.storage.identity.schema import (
    challenge,
    group,
    key,
    link,
    link_part,
    member,
    name,
    passkey,
    pending,
    recovery_code,
    restriction,
    session,
    state,
    subject,
    totp,
    user,
    webhook,
    webhook_attempt,
)

_TOGETHER: Final = 1_000
"""Rows that are in memory at once."""

_TABLES: Final = (name, group, user, member, key, totp, passkey, recovery_code, link, subject, restriction)
"""In the order in which they may be filled."""

_REPLACED: Final = (name, group, user, member, key, totp, passkey, recovery_code, link, subject)
"""Those of which a replacement leaves nothing: which changes there have been, a store goes on to know."""

_ENDED: Final = (webhook_attempt, webhook, session, pending, challenge, link_part)
"""
In the order in which they are emptied. Sessions are in no copy, and none is taken from a file: who has signed out stays
out, and others sign in again. Nor are webhooks: a file that can be anybody's must not say where things are sent to, and
a copy needs no secrets with which messages are signed. Nor are uses of links that may be gone on with: who goes on with
one later begins another.
"""

_FIRST: Final[dict[tuple[Table, str], Any]] = {(restriction, "revision"): -1, (recovery_code, "digest"): b""}
"""What comes before all that a column of a primary key can have, where that is no text."""

_MOST: Final = 2**63 - 1


def _compile_page(table: Table) -> Statement:
    primary = [*table.primary_key.columns]
    after = tuple_(*(bindparam(f"after_{column.name}") for column in primary))
    page = select(table).where(tuple_(*primary) > after).order_by(*primary).limit(_TOGETHER)
    return compile_statement(page)


_PAGES: Final = {table: _compile_page(table) for table in _TABLES}
_INSERTIONS: Final = {
    table: compile_statement(insert(table), *(column.name for column in table.columns)) for table in _TABLES
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
            for table in _TABLES:
                for rows in _list_rows(connection, table):
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
        _check(connection)


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
            for rows in _list_rows(content, table):
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


def _list_rows(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    """All rows of a table, some at a time."""
    names = [column.name for column in table.columns]
    primary = [column.name for column in table.primary_key.columns]
    after: dict[str, Any] = {each: _FIRST.get((table, each), "") for each in primary}
    while True:
        page = _PAGES[table].rows(connection, **{f"after_{each}": value for each, value in after.items()})
        rows = [dict(zip(names, row, strict=True)) for row in page]
        if not rows:
            return
        yield rows
        after = {each: rows[-1][each] for each in primary}


def _list_definitions(connection: sqlite3.Connection) -> set[tuple[str, str, str, str | None]]:
    return {tuple(row) for row in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")}


def _check(connection: SQLiteConnection) -> None:
    """
    See that every row is what this program could have written.

    :raises ValueError: one is not.
    """
    if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
        raise ValueError("it is damaged")
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise ValueError("something refers to what is not there")
    rows = connection.execute("SELECT id, revision, void_until, refuses_owner FROM identity_state").fetchall()
    if len(rows) != 1 or rows[0][0] != 1 or not all(_is_number(each) for each in rows[0]) or rows[0][3] > 1:
        raise ValueError("its state makes no sense")
    last = rows[0][1]
    for table, check in _CHECKS.items():
        for page in _list_rows(connection, table):
            for row in page:
                try:
                    check(row, last)
                except (ValueError, TypeError, LookupError, RecursionError, CloudError) as problem:
                    raise ValueError(f"a row of {table.name} makes no sense: {problem}") from None
    taken = "SELECT 1 FROM identity_user WHERE name_key NOT IN (SELECT name_key FROM identity_name)"
    if connection.execute(taken).fetchone() is not None:
        raise ValueError("the name of a user could be given to another one")
    unlike = (
        "SELECT 1 FROM identity_user WHERE (factors_set IS NOT NULL)"
        " != (id IN (SELECT user_id FROM identity_totp WHERE is_confirmed = 1"
        " UNION SELECT user_id FROM identity_passkey))"
    )
    if connection.execute(unlike).fetchone() is not None:
        raise ValueError("the second factors of a user make no sense")


def _check_user(row: dict[str, Any], last: int) -> None:
    found = read_user(tuple(row[column.name] for column in users.COLUMNS), ())
    _check_name(found.name)
    _check_texts(row, "id", "name", "name_key", "display_name", "scopes", "grants")
    _check_revisions(last, found.revision, found.password_set, found.factors_set)
    _check_grants(found.grants)
    _expect(parse_display_name(found.display_name) == found.display_name, "display name")
    _expect(parse_scopes(found.scopes) == found.scopes, "scopes")
    _expect(row["is_disabled"] in {0, 1}, "switch")
    _expect(_is_number(found.created_at), "moment")
    _expect(row["password"] is None or is_hash(row["password"]), "password")
    _expect(found.quota is None or _is_number(found.quota), "quota")


def _check_group(row: dict[str, Any], last: int) -> None:
    found = read_group(tuple(row[column.name] for column in groups.COLUMNS))
    _check_name(found.name)
    _check_texts(row, "id", "name", "name_key", "grants")
    _check_revisions(last, found.revision)
    _check_grants(found.grants)
    _expect(_is_number(found.created_at), "moment")


def _check_key(row: dict[str, Any], last: int) -> None:
    found = read_key(tuple(row[column.name] for column in keys.COLUMNS))
    if found.program is not None:
        _check_name(found.program)
    _check_texts(row, "id", "label", "maker", "scopes")
    _check_revisions(last, found.revision, found.made)
    _expect(parse_scopes(found.scopes) == found.scopes, "scopes")
    _check_grants(found.grants or ())
    _expect(found.rate is None or parse_key_rate(found.rate) == found.rate, "rate")
    _expect(isinstance(row["digest"], bytes) and len(row["digest"]) == hashlib.sha256().digest_size, "digest")
    _expect(row["ended_at"] == found.ended_at, "end")
    _expect(found.made_by is None or isinstance(found.made_by, str), "maker's key")
    moments = (found.created_at, found.expires_at, found.revoked_at, found.last_used)
    _expect(all(each is None or _is_number(each) for each in moments) and found.created_at is not None, "moment")


def _check_totp(row: dict[str, Any], _: int) -> None:
    _check_texts(row, "user_id", "secret")
    _expect(is_totp_secret(row["secret"]), "secret")
    _expect(row["is_confirmed"] in {0, 1}, "switch")
    _expect(_is_number(row["last_step"]), "step")
    _expect(_is_number(row["created_at"]), "moment")


def _check_passkey(row: dict[str, Any], last: int) -> None:
    found = read_passkey(tuple(row[column.name] for column in passkey.columns))
    _check_texts(row, "id", "user_id", "label", "host")
    _check_revisions(last, found.made)
    _expect(parse_display_name(found.label) == found.label, "label")
    _expect(isinstance(row["credential"], bytes) and 0 < len(row["credential"]) <= MAX_CREDENTIAL, "credential")
    _expect(isinstance(row["public_key"], bytes) and 0 < len(row["public_key"]) <= MAX_PUBLIC_KEY, "public key")
    _expect(_is_number(found.sign_count), "count")
    _expect(row["is_synced"] in {0, 1}, "switch")
    _expect(_is_number(found.created_at), "moment")
    _expect(found.used_at is None or _is_number(found.used_at), "moment")


def _check_recovery_code(row: dict[str, Any], last: int) -> None:
    _check_texts(row, "user_id")
    _check_revisions(last, row["made"])
    _expect(isinstance(row["digest"], bytes) and len(row["digest"]) == hashlib.sha256().digest_size, "digest")


def _check_link(row: dict[str, Any], last: int) -> None:
    found = links.read_link(tuple(row[column.name] for column in links.COLUMNS))
    _check_texts(row, "id", "role", "label", "maker")
    _check_revisions(last, found.revision, found.made)
    _expect(is_link_id(found.id), "id")
    _expect(parse_display_name(found.label) == found.label, "label")
    _expect(isinstance(row["digest"], bytes) and len(row["digest"]) == hashlib.sha256().digest_size, "digest")
    _expect(row["ended_at"] == found.ended_at, "end")
    _expect(found.made_by is None or isinstance(found.made_by, str), "maker's key")
    _expect(row["password"] is None or is_hash(row["password"]), "password")
    _expect(_is_number(found.target) and _is_number(found.uses), "number")
    _expect(found.most_uses is None or _is_number(found.most_uses), "limit")
    moments = (found.created_at, found.expires_at, found.revoked_at, found.last_used)
    _expect(all(each is None or _is_number(each) for each in moments) and found.created_at is not None, "moment")


def _check_subject(row: dict[str, Any], last: int) -> None:
    _check_texts(row, "id", "user_id", "issuer", "subject")
    found = subjects.read_subject([row[column.name] for column in subjects.COLUMNS])
    _check_revisions(last, found.made)
    _expect(_is_number(found.created_at), "moment")


_CHECKS: Final[dict[Table, Callable[[dict[str, Any], int], None]]] = {
    user: _check_user,
    group: _check_group,
    key: _check_key,
    totp: _check_totp,
    passkey: _check_passkey,
    recovery_code: _check_recovery_code,
    link: _check_link,
    subject: _check_subject,
    name: lambda row, _: _check_texts(row, "name_key"),
    restriction: lambda row, last: _check_revisions(last, row["revision"]),
}


def _check_name(name: AccountName) -> None:
    _expect(parse_account_name(name.text).key == name.key, "name")


def _check_grants(grants: Iterable[Grant]) -> None:
    _expect(all(_is_number(each.folder) for each in grants), "grants")


def _check_texts(row: dict[str, Any], *columns: str) -> None:
    _expect(all(isinstance(row[column], str) for column in columns), "text")


def _check_revisions(last: int, *revisions: Revision) -> None:
    _expect(all(_is_number(each) and each <= last for each in revisions), "revision")


def _is_number(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= _MOST


def _expect(is_so: bool, what: str) -> None:  # noqa: FBT001  # it is what it says
    if not is_so:
        raise ValueError(f"its {what} is none")
