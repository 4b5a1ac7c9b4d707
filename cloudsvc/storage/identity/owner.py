"""The switch of the owner's token in a database, and whether anybody else gets in to manage the accounts."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, bindparam, case, exists, false, or_, select, true, update

from cloudsvc.core.actors import MANAGING_GRANT
from cloudsvc.identity.errors import no_manager
from cloudsvc.identity.revisions import Standing
from cloudsvc.identity.ways_in import MANAGING_SCOPES
from cloudsvc.storage.database.constructs import contains
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity.revisions import count_on, find_standing
from cloudsvc.storage.identity.rows import write_grants
from cloudsvc.storage.identity.schema import group, key, member, state, user

_GRANT: Final = write_grants([MANAGING_GRANT])[1:-1]
"""What lists of grants contain that include it. (No other grant is written so that this is a part of it.)"""

_SCOPES: Final = {f"scope_{number}": json.dumps(scope) for number, scope in enumerate(MANAGING_SCOPES)}
"""What lists of scopes contain that include one of them, by the names of parameters."""


def _manages(table: Table) -> ColumnElement[bool]:
    return contains(table.c.grants, bindparam("managing"))


def _has_scope(table: Table) -> ColumnElement[bool]:
    return or_(*(contains(table.c.scopes, bindparam(name)) for name in _SCOPES))


# As `cloudsvc.identity.ways_in` has it.
_in_group = exists(
    select(member.c.user_id)
    .select_from(member.join(group, group.c.id == member.c.group_id))
    .where(member.c.user_id == user.c.id)
    .where(_manages(group))
)
_has_key = exists(
    select(key.c.id)
    .where(key.c.holder == user.c.id)
    .where(key.c.ended_at.is_(None))
    .where(key.c.made > state.c.void_until)
    .where(or_(key.c.grants.is_(None), _manages(key)))
    .where(_has_scope(key))
)
_has_password = and_(user.c.password.is_not(None), user.c.password_set > state.c.void_until)
_gets_in: ColumnElement[bool] = exists(
    select(user.c.id)
    .where(user.c.is_disabled == 0)
    .where(_has_scope(user))
    .where(or_(_manages(user), _in_group))
    .where(or_(_has_password, _has_key))
)
_GETS_IN: Final = compile_statement(select(_gets_in).select_from(state))
# Nobody is looked for while the owner gets in.
_LEAVES_NOBODY: Final = compile_statement(
    select(case((state.c.refuses_owner == 0, false()), (_gets_in, false()), else_=true())).select_from(state)
)
_SWITCH: Final = compile_statement(update(state).values(refuses_owner=bindparam("refused")))

_VALUES: Final[dict[str, Any]] = {"managing": _GRANT, **_SCOPES}


def leaves_nobody(connection: Connection) -> bool:
    """Whether the owner's token is switched off, and nobody else gets in to manage the accounts."""
    return bool(_LEAVES_NOBODY.value(connection, **_VALUES))


def gets_anybody_in(connection: Connection) -> bool:
    """Whether anybody but the owner gets in to manage the accounts."""
    return bool(_GETS_IN.value(connection, **_VALUES))


def switch_owner(connection: Connection, *, refused: bool) -> Standing:
    """As :meth:`cloudsvc.identity.store.IdentityStore.switch_owner`."""
    # First, so that nobody else changes who gets in until this is durable.
    count_on(connection)
    if refused and not gets_anybody_in(connection):
        raise no_manager()
    set_switch(connection, refused=refused)
    return find_standing(connection)


def set_switch(connection: Connection, *, refused: bool) -> None:
    """Switch the owner's token off or on, in a change that counts itself."""
    _SWITCH.run(connection, refused=int(refused))
