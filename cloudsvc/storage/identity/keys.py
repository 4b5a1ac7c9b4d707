"""Keys in a database."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from attrs import evolve
from sqlalchemy import bindparam, case, delete, func, insert, or_, select, true, update

from cloudsvc.core.clock import Instant
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import changed_meanwhile, key_ended, key_not_found, too_many, user_not_found
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import FoundKey, Key
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.users import UserId
from cloudsvc.storage.database.constructs import is_among_texts
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity import links, users
from cloudsvc.storage.identity.revisions import count_on
from cloudsvc.storage.identity.rows import read_key, write_key
from cloudsvc.storage.identity.schema import key, state, user

COLUMNS: Final = (
    key.c.id,
    key.c.label,
    key.c.holder,
    key.c.program,
    key.c.program_key,
    key.c.maker,
    key.c.grants,
    key.c.scopes,
    key.c.rate,
    key.c.created_at,
    key.c.expires_at,
    key.c.revoked_at,
    key.c.last_used,
    key.c.made_by,
    key.c.made,
    key.c.revision,
)
"""What a key is read from."""

_REPLACED: Final = ("label", "grants", "scopes", "rate", "expires_at", "revoked_at", "ended_at")

# There is a row whether there is such a key or not.
_FIND_WHOLE: Final = compile_statement(
    select(state.c.void_until, key.c.digest, *COLUMNS, *users.COLUMNS).select_from(
        state.outerjoin(key, key.c.id == bindparam("id")).outerjoin(user, user.c.id == key.c.holder)
    )
)
_FIND_SOME: Final = compile_statement(
    select(state.c.void_until, key.c.digest, *COLUMNS, *users.COLUMNS)
    .select_from(key.join(state, true()).outerjoin(user, user.c.id == key.c.holder))
    .where(is_among_texts(key.c.id, bindparam("ids")))
)
_FIND: Final = compile_statement(select(*COLUMNS).where(key.c.id == bindparam("id")))
_page = select(*COLUMNS).where(key.c.id > bindparam("after")).order_by(key.c.id).limit(bindparam("limit"))
_LIST: Final = compile_statement(_page)
_LIST_HELD: Final = compile_statement(_page.where(key.c.holder == bindparam("holder")))
# Those that were made by a key, or by others that were, and that one itself.
_made = select(key.c.id).where(key.c.id == bindparam("made_by")).cte("made", recursive=True)
_made = _made.union(select(key.c.id).join(_made, key.c.made_by == _made.c.id))
_page_made = _page.where(key.c.id.in_(select(_made.c.id))).where(key.c.id != bindparam("made_by"))
_LIST_MADE: Final = compile_statement(_page_made)
_LIST_MADE_HELD: Final = compile_statement(_page_made.where(key.c.holder == bindparam("holder")))
_revoke = (
    update(key)
    .where(key.c.revoked_at.is_(None))
    .values(
        revoked_at=bindparam("moment"),
        ended_at=case((key.c.ended_at < bindparam("moment"), key.c.ended_at), else_=bindparam("moment")),
        revision=bindparam("new_revision"),
    )
)
_REVOKE: Final = compile_statement(_revoke.where(key.c.id == bindparam("made_by")))
_REVOKE_MADE: Final = compile_statement(_revoke.where(key.c.id.in_(select(_made.c.id))))
# What begins with `WITH` does not tell in SQLite how many rows it has changed.
_count = select(func.count()).select_from(key).where(key.c.revoked_at.is_(None))
_COUNT: Final = compile_statement(_count.where(key.c.id == bindparam("made_by")))
_COUNT_MADE: Final = compile_statement(_count.where(key.c.id.in_(select(_made.c.id))))
_FIND_USER: Final = compile_statement(select(user.c.id).where(user.c.id == bindparam("id")))
_COUNT_HELD: Final = compile_statement(select(func.count()).select_from(key).where(key.c.holder == bindparam("holder")))
_COUNT_PROGRAMS: Final = compile_statement(select(func.count()).select_from(key).where(key.c.holder.is_(None)))
_INSERT: Final = compile_statement(
    insert(key),
    *(
        "id",
        "holder",
        "program",
        "program_key",
        "maker",
        *_REPLACED,
        "created_at",
        "made_by",
        "digest",
        "made",
        "revision",
    ),
)
_UPDATE: Final = compile_statement(
    update(key)
    .where(key.c.id == bindparam("key"))
    .values({each: bindparam(f"new_{each}") for each in (*_REPLACED, "revision")})
)
_NOTE_USE: Final = compile_statement(
    update(key)
    .where(key.c.id == bindparam("key"))
    .where(or_(key.c.last_used.is_(None), key.c.last_used < bindparam("used")))
    .values(last_used=bindparam("used"))
)
_ended = (
    select(key.c.id)
    .where(key.c.ended_at < bindparam("before"))
    .order_by(key.c.ended_at, key.c.id)
    .limit(bindparam("limit"))
)
_DELETE_ENDED: Final = compile_statement(delete(key).where(key.c.id.in_(_ended)))


_LISTS: Final = {
    (False, False): _LIST,
    (True, False): _LIST_HELD,
    (False, True): _LIST_MADE,
    (True, True): _LIST_MADE_HELD,
}
"""By whether they are of one holder, and made by one key."""


def add_key(connection: Connection, added: Key, digest: bytes) -> Key:
    """As :meth:`cloudsvc.identity.store.IdentityStore.add_key`."""
    _check_place(connection, added)
    return _insert(connection, added, digest, count_on(connection, adds=True))


def find_key(connection: Connection, key_id: KeyId) -> FoundKey | None:
    """As :meth:`cloudsvc.identity.store.IdentityStore.find_key`."""
    row = _FIND_WHOLE.row(connection, id=key_id)
    void_until, digest, *columns = row or (0, None, *(None for _ in (*COLUMNS, *users.COLUMNS)))
    holder = users.hold(connection, tuple(columns[len(COLUMNS) :]))
    if digest is None:
        return None
    found = read_key(tuple(columns[: len(COLUMNS)]))
    return FoundKey(key=found, digest=bytes(digest), holder=holder, is_void=found.made <= void_until)


def find_keys(connection: Connection, keys: Collection[KeyId]) -> Mapping[KeyId, FoundKey]:
    """As :meth:`cloudsvc.identity.store.IdentityStore.find_keys`."""
    rows = [*_FIND_SOME.rows(connection, ids=json.dumps([*keys]))]
    holders = users.hold_some(connection, (row[2 + len(COLUMNS) :] for row in rows))
    found: dict[KeyId, FoundKey] = {}
    for void_until, digest, *columns in rows:
        each = read_key(tuple(columns[: len(COLUMNS)]))
        holder = None if each.holder is None else holders[each.holder]
        found[each.id] = FoundKey(key=each, digest=bytes(digest), holder=holder, is_void=each.made <= void_until)
    return found


def list_keys(
    connection: Connection,
    limit: int,
    after: KeyId | None = None,
    holder: UserId | None = None,
    made_by: KeyId | None = None,
) -> Sequence[Key]:
    """As :meth:`cloudsvc.identity.store.IdentityStore.list_keys`."""
    filters = {name: value for name, value in (("holder", holder), ("made_by", made_by)) if value is not None}
    statement = _LISTS[holder is not None, made_by is not None]
    return [*map(read_key, statement.rows(connection, after=after or "", limit=limit, **filters))]


def replace_key(connection: Connection, wanted: Key) -> Key:
    """As :meth:`cloudsvc.identity.store.IdentityStore.replace_key`."""
    kept = _compare(connection, wanted)
    return _replace(connection, kept, wanted, count_on(connection))


def revoke_keys(connection: Connection, revoked: KeyId, moment: Instant, *, descendants: bool) -> int:
    """As :meth:`cloudsvc.identity.store.IdentityStore.revoke_keys`."""
    if _FIND.row(connection, id=revoked) is None:
        raise key_not_found()
    count = int((_COUNT_MADE if descendants else _COUNT).value(connection, made_by=revoked))
    linked = links.count_of_keys(connection, revoked) if descendants else 0
    if count or linked:
        revision, statement = count_on(connection), _REVOKE_MADE if descendants else _REVOKE
        statement.run(connection, made_by=revoked, moment=moment, new_revision=revision)
        if linked:
            links.revoke_of_keys(connection, revoked, moment, revision)
    return count


def rotate_key(connection: Connection, former: Key, added: Key, digest: bytes) -> Key:
    """As :meth:`cloudsvc.identity.store.IdentityStore.rotate_key`."""
    kept = _compare(connection, former)
    _check_place(connection, added)
    revision = count_on(connection)
    _replace(connection, kept, former, revision)
    return _insert(connection, added, digest, revision)


def note_uses(connection: Connection, uses: Mapping[KeyId, Instant]) -> None:
    """As :meth:`cloudsvc.identity.store.IdentityStore.note_uses`."""
    if uses:
        _NOTE_USE.run_for_each(connection, [{"key": each, "used": used} for each, used in uses.items()])


def remove_ended_keys(connection: Connection, before: Instant, limit: int) -> int:
    """As :meth:`cloudsvc.identity.store.IdentityStore.remove_ended_keys`."""
    count = _DELETE_ENDED.run(connection, before=before, limit=limit).rowcount
    if count:
        count_on(connection)
    return count


def _check_place(connection: Connection, added: Key) -> None:
    """See that there may be one more key like ``added``."""
    if added.made_by is not None:
        row = _FIND.row(connection, id=added.made_by)
        if row is None or not read_key(row).is_alive(added.created_at):
            raise key_ended()
    if added.holder is None:
        if _COUNT_PROGRAMS.value(connection) >= bounds.MAX_PROGRAM_KEYS:
            raise too_many("keys of programs", bounds.MAX_PROGRAM_KEYS)
        return
    if _FIND_USER.row(connection, id=added.holder) is None:
        raise user_not_found()
    if _COUNT_HELD.value(connection, holder=added.holder) >= bounds.MAX_USER_KEYS:
        raise too_many("keys of a user", bounds.MAX_USER_KEYS)


def _compare(connection: Connection, wanted: Key) -> Key:
    row = _FIND.row(connection, id=wanted.id)
    if row is None:
        raise key_not_found()
    kept = read_key(row)
    if kept.revision != wanted.revision:
        raise changed_meanwhile()
    return kept


def _insert(connection: Connection, added: Key, digest: bytes, revision: Revision) -> Key:
    added = evolve(added, made=revision, revision=revision)
    _INSERT.run(
        connection,
        id=added.id,
        holder=added.holder,
        program=None if added.program is None else added.program.text,
        program_key=None if added.program is None else added.program.key,
        maker=added.maker,
        created_at=added.created_at,
        made_by=added.made_by,
        digest=digest,
        made=revision,
        revision=revision,
        **write_key(added),
    )
    return added


def _replace(connection: Connection, kept: Key, wanted: Key, revision: Revision) -> Key:
    columns = {**write_key(wanted), "revision": revision}
    _UPDATE.run(connection, key=kept.id, **{f"new_{each}": value for each, value in columns.items()})
    return evolve(
        kept,
        label=wanted.label,
        grants=wanted.grants,
        scopes=wanted.scopes,
        rate=wanted.rate,
        expires_at=wanted.expires_at,
        revoked_at=wanted.revoked_at,
        revision=revision,
    )
