"""Conditions on every row of accounts that this program has written; a file that can be anybody's is held to them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlalchemy import Table

from cloudsvc.core.actors import Grant
from cloudsvc.core.errors import CloudError
from cloudsvc.identity.keys import parse_key_rate
from cloudsvc.identity.link_format import is_link_id
from cloudsvc.identity.names import AccountName, parse_account_name, parse_display_name
from cloudsvc.identity.passwords import is_hash
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.scopes import parse_scopes
from cloudsvc.identity.totp import is_totp_secret
from cloudsvc.identity.web_authentication import MAX_CREDENTIAL, MAX_PUBLIC_KEY
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection
from cloudsvc.storage.identity import groups, keys, links, subjects, users
from cloudsvc.storage.identity.factors import read_passkey
from cloudsvc.storage.identity.rows import read_group, read_key, read_user
from cloudsvc.storage.identity.schema import (
    group,
    key,
    link,
    name,
    passkey,
    recovery_code,
    restriction,
    subject,
    totp,
    user,
)
from cloudsvc.storage.identity.table_pages import list_rows

_MOST: Final = 2**63 - 1
"""The last number that a column takes."""


def check_rows(connection: SQLiteConnection) -> None:
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
        for page in list_rows(connection, table):
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
