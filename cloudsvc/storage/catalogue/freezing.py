"""Freezing of the catalogue: a moment in the row of the state, until which changes are refused."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import bindparam, literal_column, select, update

from cloudsvc.drive.freezing import FOR_GOOD, Standing, is_frozen, refuse_change
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.catalogue.schema import state
from cloudsvc.storage.catalogue.statements import Connection, compile_statement

_columns: Final = (state.c.epoch, state.c.last_change, state.c.frozen_until)
_has_not_moved: Final = state.c.frozen_until != literal_column(str(FOR_GOOD))
_FIND: Final = compile_statement(select(*_columns))
_FREEZE: Final = compile_statement(
    update(state).where(_has_not_moved).values(frozen_until=bindparam("until")).returning(*_columns)
)
_LEAVE: Final = compile_statement(
    update(state)
    .where(_has_not_moved, state.c.last_change == bindparam("last"))
    .values(frozen_until=literal_column(str(FOR_GOOD)))
)
_THAW: Final = compile_statement(update(state).values(frozen_until=literal_column("0")))
_THAW_UNLESS_MOVED: Final = compile_statement(
    update(state).where(_has_not_moved).values(frozen_until=literal_column("0"))
)


def find_standing(connection: Connection) -> Standing:
    """As :meth:`cloudsvc.drive.freezing.Freezing.find_standing`."""
    return _make_standing(_FIND.row(connection))


def freeze(connection: Connection, until: Instant) -> Standing:
    """As :meth:`cloudsvc.drive.freezing.Freezing.freeze`."""
    found = _FREEZE.row(connection, until=until)
    if found is None:
        raise refuse_change(FOR_GOOD)
    return _make_standing(found)


def leave(connection: Connection, last_change: int) -> bool:
    """As :meth:`cloudsvc.drive.freezing.Freezing.leave`."""
    return _LEAVE.run(connection, last=last_change).rowcount == 1


def thaw(connection: Connection, *, even_moved: bool) -> None:
    """As :meth:`cloudsvc.drive.freezing.Freezing.thaw`."""
    (_THAW if even_moved else _THAW_UNLESS_MOVED).run(connection)


def is_catalogue_frozen(connection: Connection, now: Instant) -> bool:
    """Whether changes are refused now."""
    return is_frozen(find_standing(connection).frozen_until, now)


def check_thawed(frozen_until: Instant, now: Instant) -> None:
    """
    See that changes are taken.

    :raises CloudError: they are not.
    """
    if is_frozen(frozen_until, now):
        raise refuse_change(frozen_until)


def _make_standing(row: Any) -> Standing:
    epoch, last_change, frozen_until = row
    return Standing(epoch=epoch, last_change=last_change, frozen_until=frozen_until)
