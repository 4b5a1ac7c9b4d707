"""Users in a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve
from sqlalchemy import bindparam, delete, func, insert, select, update

from cloudsvc.core.actors import Grant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import changed_meanwhile, name_taken, too_many, user_not_found
from cloudsvc.identity.grants import tidy
from cloudsvc.identity.names import AccountName
from cloudsvc.identity.revisions import NEVER
from cloudsvc.identity.store import Login, NewPassword
from cloudsvc.identity.users import Holder, User, UserId
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity.groups import find_granted, find_granted_of, find_groups_of, join_groups, leave_groups
from cloudsvc.storage.identity.revisions import count_on
from cloudsvc.storage.identity.rows import read_password, read_user, write_user
from cloudsvc.storage.identity.schema import (
    key,
    link,
    link_part,
    name,
    passkey,
    pending,
    recovery_code,
    session,
    state,
    subject,
    totp,
    user,
)
from cloudsvc.storage.identity.webhooks import remove_webhooks_of

COLUMNS: Final = (
    user.c.id,
    user.c.name,
    user.c.name_key,
    user.c.display_name,
    user.c.scopes,
    user.c.grants,
    user.c.quota,
    user.c.is_disabled,
    user.c.created_at,
    user.c.password_set,
    user.c.revision,
    user.c.factors_set,
)
"""What a user is read from, with their groups."""

_REPLACED: Final = ("display_name", "scopes", "grants", "quota", "is_disabled")

_select = select(*COLUMNS)
_FIND: Final = compile_statement(_select.where(user.c.id == bindparam("id")))
_FIND_NAME: Final = compile_statement(_select.where(user.c.name_key == bindparam("name_key")))
_LIST: Final = compile_statement(
    _select.where(user.c.name_key > bindparam("after")).order_by(user.c.name_key).limit(bindparam("limit"))
)
# There is a row whether there is such a user or not.
_FIND_LOGIN: Final = compile_statement(
    select(state.c.void_until, user.c.password, *COLUMNS).select_from(
        state.outerjoin(user, user.c.name_key == bindparam("name_key"))
    )
)
_COUNT: Final = compile_statement(select(func.count()).select_from(user))
_COUNT_NAMES: Final = compile_statement(select(func.count()).select_from(name))
_FIND_TAKEN: Final = compile_statement(select(name.c.name_key).where(name.c.name_key == bindparam("name_key")))
_TAKE_NAME: Final = compile_statement(insert(name), "name_key")
_INSERT: Final = compile_statement(
    insert(user),
    *("id", "name", "name_key", *_REPLACED, "created_at", "password", "password_set", "revision"),
)
_UPDATE: Final = compile_statement(
    update(user)
    .where(user.c.id == bindparam("user"))
    .values({each: bindparam(f"new_{each}") for each in (*_REPLACED, "revision")})
)
_SET_PASSWORD: Final = compile_statement(
    update(user)
    .where(user.c.id == bindparam("user"))
    .values(password=bindparam("new_password"), password_set=bindparam("new_password_set"))
)
_DELETE: Final = compile_statement(delete(user).where(user.c.id == bindparam("id")))
_DELETE_SUBJECTS: Final = compile_statement(delete(subject).where(subject.c.user_id == bindparam("id")))
_DELETE_KEYS: Final = compile_statement(delete(key).where(key.c.holder == bindparam("id")))
_DELETE_SESSIONS: Final = compile_statement(
    delete(session).where(session.c.user_id == bindparam("id")).where(session.c.id != bindparam("keeps"))
)
_DELETE_TOTP: Final = compile_statement(delete(totp).where(totp.c.user_id == bindparam("id")))
_DELETE_PASSKEYS: Final = compile_statement(delete(passkey).where(passkey.c.user_id == bindparam("id")))
_DELETE_CODES: Final = compile_statement(delete(recovery_code).where(recovery_code.c.user_id == bindparam("id")))
_DELETE_PENDING: Final = compile_statement(delete(pending).where(pending.c.user_id == bindparam("id")))

_held_links = select(link.c.id).where(link.c.holder == bindparam("id"))
_DELETE_LINK_PARTS: Final = compile_statement(delete(link_part).where(link_part.c.link_id.in_(_held_links)))
_DELETE_LINKS: Final = compile_statement(delete(link).where(link.c.holder == bindparam("id")))

_NOBODY: Final = ""
"""The id of no user."""


def add_user(connection: Connection, added: User, password: Secret | None) -> User:
    """As :meth:`cloudsvc.identity.store.IdentityStore.add_user`."""
    if _FIND_TAKEN.row(connection, name_key=added.name.key) is not None:
        raise name_taken(str(added.name))
    if _COUNT.value(connection) >= bounds.MAX_USERS:
        raise too_many("users", bounds.MAX_USERS)
    if _COUNT_NAMES.value(connection) >= bounds.MAX_NAMES:
        raise too_many("names of users, former ones included", bounds.MAX_NAMES)
    revision = count_on(connection, adds=True)
    added = evolve(added, revision=revision, password_set=NEVER if password is None else revision)
    _TAKE_NAME.run(connection, name_key=added.name.key)
    _INSERT.run(
        connection,
        id=added.id,
        name=added.name.text,
        name_key=added.name.key,
        created_at=added.created_at,
        password=_reveal(password),
        password_set=added.password_set,
        revision=revision,
        **write_user(added),
    )
    join_groups(connection, added.id, added.groups)
    return added


def find_user(connection: Connection, name: AccountName) -> User | None:
    """As :meth:`cloudsvc.identity.store.IdentityStore.find_user`."""
    return next(iter(_complete(connection, [*_FIND_NAME.rows(connection, name_key=name.key)])), None)


def list_users(connection: Connection, limit: int, after: str) -> Sequence[User]:
    """As :meth:`cloudsvc.identity.store.IdentityStore.list_users`."""
    return _complete(connection, [*_LIST.rows(connection, after=after, limit=limit)])


def replace_user(connection: Connection, wanted: User, password: NewPassword | None) -> User:
    """As :meth:`cloudsvc.identity.store.IdentityStore.replace_user`."""
    row = _FIND.row(connection, id=wanted.id)
    if row is None:
        raise user_not_found()
    kept = read_user(row, ())
    if kept.revision != wanted.revision:
        raise changed_meanwhile()
    revision, password_set = count_on(connection), kept.password_set
    if password is not None:
        password_set = NEVER if password.hash is None else revision
        _SET_PASSWORD.run(connection, user=kept.id, new_password=_reveal(password.hash), new_password_set=password_set)
    replaced = evolve(
        wanted,
        name=kept.name,
        created_at=kept.created_at,
        password_set=password_set,
        factors_set=kept.factors_set,
        revision=revision,
    )
    if password is not None or replaced.is_disabled:
        keeps = None if password is None or replaced.is_disabled else password.keeps
        _DELETE_SESSIONS.run(connection, id=kept.id, keeps=keeps or "")
    columns = {**write_user(replaced), "revision": revision}
    _UPDATE.run(connection, user=kept.id, **{f"new_{each}": value for each, value in columns.items()})
    leave_groups(connection, kept.id)
    join_groups(connection, kept.id, replaced.groups)
    return replaced


def remove_user(connection: Connection, removed: UserId) -> None:
    """As :meth:`cloudsvc.identity.store.IdentityStore.remove_user`."""
    leave_groups(connection, removed)
    remove_webhooks_of(connection, removed)
    _DELETE_KEYS.run(connection, id=removed)
    _DELETE_SUBJECTS.run(connection, id=removed)
    _DELETE_SESSIONS.run(connection, id=removed, keeps="")
    for statement in (_DELETE_TOTP, _DELETE_PASSKEYS, _DELETE_CODES, _DELETE_PENDING):
        statement.run(connection, id=removed)
    _DELETE_LINK_PARTS.run(connection, id=removed)
    _DELETE_LINKS.run(connection, id=removed)
    if _DELETE.run(connection, id=removed).rowcount == 0:
        raise user_not_found()
    count_on(connection)


def find_login(connection: Connection, name: AccountName) -> Login | None:
    """As :meth:`cloudsvc.identity.store.IdentityStore.find_login`."""
    row = _FIND_LOGIN.row(connection, name_key=name.key)
    void_until, password, *columns = row or (0, None, *(None for _ in COLUMNS))
    holder = hold(connection, tuple(columns))
    if holder is None:
        return None
    return Login(holder=holder, hash=read_password(password), is_void=holder.user.password_set <= void_until)


def find_holder(connection: Connection, user: UserId) -> Holder | None:
    """As :meth:`cloudsvc.identity.store.IdentityStore.find_holder`."""
    row = _FIND.row(connection, id=user)
    return None if row is None else hold(connection, row)


def hold(connection: Connection, row: tuple[Any, ...]) -> Holder | None:
    """
    A user, and all that is granted to them; ``None`` for a row of nobody. The same is asked for either.

    :param row: their columns, all of them empty for nobody.
    """
    groups = find_granted(connection, row[0] or _NOBODY)
    return None if row[0] is None else _hold(row, groups)


def hold_some(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> Mapping[UserId, Holder]:
    """As :func:`hold`, by two statements for all who are in ``rows``; some of these may be empty."""
    found = {row[0]: row for row in rows if row[0] is not None}
    groups = find_granted_of(connection, found)
    return {UserId(each): _hold(row, groups.get(each, ())) for each, row in found.items()}


def _hold(row: tuple[Any, ...], groups: Sequence[tuple[str, tuple[Grant, ...]]]) -> Holder:
    user = read_user(row, [each for each, _ in groups])
    return Holder(user=user, grants=tidy([*user.grants, *(grant for _, grants in groups for grant in grants)]))


def _complete(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> Sequence[User]:
    groups = find_groups_of(connection, [row[0] for row in rows])
    return [read_user(row, groups.get(row[0], ())) for row in rows]


def _reveal(password: Secret | None) -> str | None:
    return None if password is None else password.reveal()
