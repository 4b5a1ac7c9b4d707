"""Revisions of the accounts: counted on with each change, and marks of the restricting ones."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from cloudsvc.identity import bounds
from cloudsvc.identity.revisions import Restriction, Revision, Standing, make_mark
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity.schema import restriction, state

_last = select(func.max(restriction.c.revision)).scalar_subquery()
_FIND: Final = compile_statement(
    select(
        state.c.revision, state.c.void_until, state.c.refuses_owner, restriction.c.revision, restriction.c.mark
    ).select_from(state.outerjoin(restriction, restriction.c.revision == _last))
)
_FIND_REVISION: Final = compile_statement(select(state.c.revision))
_FIND_MARK: Final = compile_statement(select(restriction.c.mark).where(restriction.c.revision == bindparam("revision")))
_COUNT_ON: Final = compile_statement(update(state).values(revision=state.c.revision + 1).returning(state.c.revision))
_MARK: Final = compile_statement(insert(restriction), "revision", "mark")
_first = (
    select(restriction.c.revision)
    .order_by(restriction.c.revision.desc())
    .limit(1)
    .offset(bindparam("most"))
    .scalar_subquery()
)
_FORGET: Final = compile_statement(delete(restriction).where(restriction.c.revision <= _first))
_VOID: Final = compile_statement(update(state).values(void_until=bindparam("until"), refuses_owner=0))


def find_standing(connection: Connection) -> Standing:
    """How far the accounts have come."""
    revision, void_until, refused, restricted, mark = _FIND.row(connection) or (0, 0, 0, None, None)
    last = None
    if restricted is not None:
        last = Restriction(revision=Revision(restricted), mark=mark, refuses_owner=bool(refused))
    return Standing(revision=Revision(revision), restriction=last, void_until=Revision(void_until))


def find_revision(connection: Connection) -> int:
    """The last change."""
    return int(_FIND_REVISION.value(connection))


def knows(connection: Connection, restriction: Restriction) -> bool:
    """Whether a restricting change is one of these accounts."""
    found: str | None = _FIND_MARK.value(connection, revision=restriction.revision)
    return found == restriction.mark


def count_on(connection: Connection, *, adds: bool = False) -> Revision:
    """
    The revision of a change that is being made.

    :param adds: whether it only adds something, so that it restricts nobody.
    """
    revision = Revision(_COUNT_ON.value(connection))
    if not adds:
        _MARK.run(connection, revision=revision, mark=make_mark())
        _FORGET.run(connection, most=bounds.MAX_RESTRICTIONS)
    return revision


def void_credentials(connection: Connection) -> Standing:
    """Declare all void that there are."""
    _VOID.run(connection, until=count_on(connection))
    return find_standing(connection)
