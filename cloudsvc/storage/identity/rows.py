"""Rows as values, and values as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from cloudsvc.core.actors import Grant, Role
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.groups import Group, GroupId
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import Key
from cloudsvc.identity.names import AccountName
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.users import User, UserId


def write_grants(grants: Iterable[Grant]) -> str:
    """Pairs of a folder and a role."""
    return json.dumps([[grant.folder, grant.role.value] for grant in grants])


def read_grants(text: str) -> tuple[Grant, ...]:
    """What :func:`write_grants` has written."""
    return tuple(Grant(role=Role(role), folder=folder) for folder, role in json.loads(text))


def write_scopes(scopes: Iterable[str]) -> str:
    """Scopes in order, so that the same ones are the same text."""
    return json.dumps(sorted(scopes))


def write_user(user: User) -> dict[str, Any]:
    """The columns of a user that may be replaced."""
    return {
        "display_name": user.display_name,
        "scopes": write_scopes(user.scopes),
        "grants": write_grants(user.grants),
        "quota": user.quota,
        "is_disabled": int(user.is_disabled),
    }


def read_user(row: tuple[Any, ...], groups: Iterable[str]) -> User:
    """
    A user.

    :param row: as :data:`cloudsvc.storage.identity.users.COLUMNS` has them.
    :param groups: their ids, sorted.
    """
    user_id, name, name_key, display_name, scopes, grants, quota, is_disabled, created_at, *revisions = row
    password_set, revision, factors_set = revisions
    return User(
        id=UserId(user_id),
        name=AccountName(name, name_key),
        display_name=display_name,
        scopes=frozenset(json.loads(scopes)),
        grants=read_grants(grants),
        groups=tuple(map(GroupId, groups)),
        quota=quota,
        is_disabled=bool(is_disabled),
        created_at=created_at,
        password_set=Revision(password_set),
        factors_set=NEVER if factors_set is None else Revision(factors_set),
        revision=Revision(revision),
    )


def read_password(text: str | None) -> Secret | None:
    """What is kept of a password, if there is one."""
    return None if text is None else Secret(text)


def read_group(row: tuple[Any, ...]) -> Group:
    """A group, from its columns in the order of :data:`cloudsvc.storage.identity.groups.COLUMNS`."""
    group_id, name, name_key, grants, created_at, revision = row
    return Group(
        id=GroupId(group_id),
        name=AccountName(name, name_key),
        grants=read_grants(grants),
        created_at=created_at,
        revision=Revision(revision),
    )


def write_key(key: Key) -> dict[str, Any]:
    """The columns of a key that may be replaced."""
    return {
        "label": key.label,
        "grants": None if key.grants is None else write_grants(key.grants),
        "scopes": write_scopes(key.scopes),
        "rate": key.rate,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "ended_at": key.ended_at,
    }


def read_key(row: tuple[Any, ...]) -> Key:
    """A key, from its columns in the order of :data:`cloudsvc.storage.identity.keys.COLUMNS`."""
    (key_id, label, holder, program, program_key, maker, grants, scopes, rate, *moments, made_by, made, revision) = row
    created_at, expires_at, revoked_at, last_used = moments
    return Key(
        id=KeyId(key_id),
        label=label,
        holder=None if holder is None else UserId(holder),
        program=None if program is None else AccountName(program, program_key),
        maker=maker,
        grants=None if grants is None else read_grants(grants),
        scopes=frozenset(json.loads(scopes)),
        rate=rate,
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
        last_used=last_used,
        made_by=None if made_by is None else KeyId(made_by),
        made=Revision(made),
        revision=Revision(revision),
    )
