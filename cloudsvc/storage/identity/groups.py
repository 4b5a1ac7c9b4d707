"""Groups in a database, and who is in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import evolve
from sqlalchemy import bindparam, delete, func, insert, select, update

from cloudsvc.core.actors import Grant
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import changed_meanwhile, group_not_found, name_taken, too_many
from cloudsvc.identity.groups import Group, GroupId
from cloudsvc.identity.names import AccountName
from cloudsvc.identity.users import UserId
from cloudsvc.storage.database.constructs import is_among_texts
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity.revisions import count_on
from cloudsvc.storage.identity.rows import read_grants, read_group, write_grants
from cloudsvc.storage.identity.schema import group, member

COLUMNS: Final = (group.c.id, group.c.name, group.c.name_key, group.c.grants, group.c.created_at, group.c.revision)
"""What a group is read from."""

_select = select(*COLUMNS)
_FIND: Final = compile_statement(_select.where(group.c.id == bindparam("id")))
_FIND_NAME: Final = compile_statement(_select.where(group.c.name_key == bindparam("name_key")))
_FIND_SOME: Final = compile_statement(_select.where(is_among_texts(group.c.id, bindparam("ids"))))
_LIST: Final = compile_statement(
    _select.where(group.c.name_key > bindparam("after")).order_by(group.c.name_key).limit(bindparam("limit"))
)
_COUNT: Final = compile_statement(select(func.count()).select_from(group))
_COUNT_SOME: Final = compile_statement(
    select(func.count()).select_from(group).where(is_among_texts(group.c.id, bindparam("ids")))
)
_INSERT: Final = compile_statement(insert(group), "id", "name", "name_key", "grants", "created_at", "revision")
_UPDATE: Final = compile_statement(
    update(group)
    .where(group.c.id == bindparam("group"))
    .values(grants=bindparam("new_grants"), revision=bindparam("new_revision"))
)
_DELETE: Final = compile_statement(delete(group).where(group.c.id == bindparam("id")))

_FIND_MEMBERS: Final = compile_statement(
    select(member.c.user_id, member.c.group_id)
    .where(is_among_texts(member.c.user_id, bindparam("users")))
    .order_by(member.c.user_id, member.c.group_id)
)
_FIND_GRANTED: Final = compile_statement(
    select(member.c.group_id, group.c.grants)
    .select_from(member.join(group, group.c.id == member.c.group_id))
    .where(member.c.user_id == bindparam("user"))
    .order_by(member.c.group_id)
)
_JOIN: Final = compile_statement(insert(member), "user_id", "group_id")
_LEAVE: Final = compile_statement(delete(member).where(member.c.user_id == bindparam("user")))
_DISSOLVE: Final = compile_statement(delete(member).where(member.c.group_id == bindparam("id")))


def add_group(connection: Connection, added: Group) -> Group:
    """As :meth:`cloudsvc.identity.store.IdentityStore.add_group`."""
    if find_group(connection, added.name) is not None:
        raise name_taken(str(added.name))
    if _COUNT.value(connection) >= bounds.MAX_GROUPS:
        raise too_many("groups", bounds.MAX_GROUPS)
    added = evolve(added, revision=count_on(connection, adds=True))
    _INSERT.run(
        connection,
        id=added.id,
        name=added.name.text,
        name_key=added.name.key,
        grants=write_grants(added.grants),
        created_at=added.created_at,
        revision=added.revision,
    )
    return added


def find_group(connection: Connection, name: AccountName) -> Group | None:
    """As :meth:`cloudsvc.identity.store.IdentityStore.find_group`."""
    row = _FIND_NAME.row(connection, name_key=name.key)
    return None if row is None else read_group(row)


def find_groups(connection: Connection, ids: Sequence[GroupId]) -> Mapping[GroupId, Group]:
    """As :meth:`cloudsvc.identity.store.IdentityStore.find_groups`."""
    found = map(read_group, _FIND_SOME.rows(connection, ids=json.dumps([*ids])))
    return {each.id: each for each in found}


def list_groups(connection: Connection, limit: int, after: str) -> Sequence[Group]:
    """As :meth:`cloudsvc.identity.store.IdentityStore.list_groups`."""
    return [*map(read_group, _LIST.rows(connection, after=after, limit=limit))]


def replace_group(connection: Connection, wanted: Group) -> Group:
    """As :meth:`cloudsvc.identity.store.IdentityStore.replace_group`."""
    row = _FIND.row(connection, id=wanted.id)
    if row is None:
        raise group_not_found()
    kept = read_group(row)
    if kept.revision != wanted.revision:
        raise changed_meanwhile()
    replaced = evolve(kept, grants=wanted.grants, revision=count_on(connection))
    _UPDATE.run(connection, group=kept.id, new_grants=write_grants(replaced.grants), new_revision=replaced.revision)
    return replaced


def remove_group(connection: Connection, removed: GroupId) -> None:
    """As :meth:`cloudsvc.identity.store.IdentityStore.remove_group`."""
    _DISSOLVE.run(connection, id=removed)
    if _DELETE.run(connection, id=removed).rowcount == 0:
        raise group_not_found()
    count_on(connection)


def find_groups_of(connection: Connection, users: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The groups of some users, sorted; those who are in none are left out."""
    found: dict[str, list[str]] = {}
    for user_id, group_id in _FIND_MEMBERS.rows(connection, users=json.dumps([*users])):
        found.setdefault(user_id, []).append(group_id)
    return found


def find_granted_of(
    connection: Connection, users: Iterable[str]
) -> Mapping[str, Sequence[tuple[str, tuple[Grant, ...]]]]:
    """As :func:`find_granted`, for some users, by two statements; those who are in no group are left out."""
    memberships = find_groups_of(connection, [*users])
    groups = find_groups(connection, sorted({GroupId(each) for found in memberships.values() for each in found}))
    return {user: [(each, groups[GroupId(each)].grants) for each in found] for user, found in memberships.items()}


def find_granted(connection: Connection, user: str) -> Sequence[tuple[str, tuple[Grant, ...]]]:
    """The groups of a user, sorted, each with what it grants."""
    return [(each, read_grants(grants)) for each, grants in _FIND_GRANTED.rows(connection, user=user)]


def join_groups(connection: Connection, user: UserId, groups: Iterable[GroupId]) -> None:
    """
    Let a new user be in these groups.

    :raises CloudError: one is not there.
    """
    wanted = sorted(set(groups))
    if wanted:
        if _COUNT_SOME.value(connection, ids=json.dumps(wanted)) != len(wanted):
            raise group_not_found()
        _JOIN.run_for_each(connection, [{"user_id": user, "group_id": each} for each in wanted])


def leave_groups(connection: Connection, user: UserId) -> None:
    """Take a user out of all groups."""
    _LEAVE.run(connection, user=user)
