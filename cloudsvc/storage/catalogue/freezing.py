"""Freezing of the catalogue: a moment in the row of the state, until which changes are refused."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import and_, bindparam, literal_column, select, update

from cloudsvc.drive.freezing import ARRIVING, FOR_GOOD, Standing, find_end, is_frozen, refuse_change
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.catalogue.schema import state
from cloudsvc.storage.database.statements import Connection, compile_statement

_columns: Final = (state.c.epoch, state.c.last_change, state.c.frozen_until)
_is_for_a_while: Final = and_(
    state.c.frozen_until < literal_column(str(FOR_GOOD)), state.c.frozen_until != literal_column(str(ARRIVING))
)
_FIND: Final = compile_statement(select(*_columns))
_FREEZE: Final = compile_statement(
    update(state).where(_is_for_a_while).values(frozen_until=bindparam("until")).returning(*_columns)
)
_RENEW: Final = compile_statement(
    update(state)
    .where(_is_for_a_while, state.c.last_change == bindparam("last"), state.c.frozen_until == bindparam("former"))
    .values(frozen_until=bindparam("until"))
    .returning(*_columns)
)
_THAW: Final = compile_statement(update(state).values(frozen_until=literal_column("0")))
_THAW_UNLESS_MOVED: Final = compile_statement(
    update(state).where(_is_for_a_while).values(frozen_until=literal_column("0"))
)


def find_standing(connection: Connection) -> Standing:
    """As :meth:`cloudsvc.drive.freezing.Freezing.find_standing`."""
    return _make_standing(_FIND.row(connection))


def freeze(connection: Connection, until: Instant) -> Standing:
    """As :meth:`cloudsvc.drive.freezing.Freezing.freeze`."""
    found = _FREEZE.row(connection, until=until)
    if found is None:
        raise refuse_change(find_standing(connection).frozen_until)
    return _make_standing(found)


def renew(connection: Connection, standing: Standing, until: Instant) -> Standing | None:
    """As :meth:`cloudsvc.drive.freezing.Freezing.renew`."""
    found = _RENEW.row(connection, last=standing.last_change, former=standing.frozen_until, until=until)
    return None if found is None else _make_standing(found)


def leave(connection: Connection, standing: Standing, successor: str) -> bool:
    """As :meth:`cloudsvc.drive.freezing.Freezing.leave`."""
    return renew(connection, standing, find_end(successor)) is not None


def thaw(connection: Connection, *, even_moved: bool) -> None:
    """As :meth:`cloudsvc.drive.freezing.Freezing.thaw`."""
    (_THAW if even_moved else _THAW_UNLESS_MOVED).run(connection)


def end_lapsed(connection: Connection, frozen_until: Instant) -> None:
    """
    End a freeze that is over by the clock of whoever makes a change, in the transaction of that change. So whoever has
    frozen the catalogue is told of it, also where that goes by another clock.
    """
    if frozen_until:
        thaw(connection, even_moved=False)


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


def admit_change(connection: Connection, frozen_until: Instant, now: Instant) -> None:
    """
    See that changes are taken, in the transaction of one, and end a freeze that is over.

    :param frozen_until: what the state says.
    :raises CloudError: they are not.
    """
    check_thawed(frozen_until, now)
    end_lapsed(connection, frozen_until)


def _make_standing(row: Any) -> Standing:
    epoch, last_change, frozen_until = row
    return Standing(epoch=epoch, last_change=last_change, frozen_until=frozen_until)
