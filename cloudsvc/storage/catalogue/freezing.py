"""Freezing of the catalogue: columns in the row of the state, which say whether changes are refused, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import and_, bindparam, literal_column, select, update

from cloudsvc.drive.freezing import (
    ARRIVING,
    THAWED,
    Freeze,
    FreezeKind,
    Standing,
    freeze_for_good,
    freeze_until,
)
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.catalogue.schema import state
from cloudsvc.storage.database.statements import Connection, compile_statement

FREEZE_COLUMNS: Final = (state.c.frozen_until, state.c.arriving, state.c.successor)
"""Those that :func:`read_freeze` reads, in the order in which it expects them."""

_standing: Final = (state.c.epoch, state.c.last_change, *FREEZE_COLUMNS)
_ends_by_itself: Final = and_(state.c.arriving == literal_column("0"), state.c.successor == literal_column("''"))
# One comparison, in the statement that changes it: so nothing comes in between.
_is_the_same: Final = and_(
    _ends_by_itself,
    state.c.epoch == bindparam("known_epoch"),
    state.c.last_change == bindparam("last"),
    state.c.frozen_until == bindparam("former"),
)
_FIND: Final = compile_statement(select(*_standing))
_FREEZE: Final = compile_statement(
    update(state).where(_ends_by_itself).values(frozen_until=bindparam("until")).returning(*_standing)
)
_RENEW: Final = compile_statement(
    update(state).where(_is_the_same).values(frozen_until=bindparam("until")).returning(*_standing)
)
_LEAVE: Final = compile_statement(
    update(state)
    .where(_is_the_same)
    .values(frozen_until=literal_column("0"), successor=bindparam("next_epoch"))
    .returning(*_standing)
)
_THAW: Final = compile_statement(
    update(state).values(frozen_until=literal_column("0"), arriving=literal_column("0"), successor=literal_column("''"))
)
_THAW_UNLESS_MOVED: Final = compile_statement(
    update(state).where(_ends_by_itself).values(frozen_until=literal_column("0"))
)


def read_freeze(frozen_until: Instant, arriving: int, successor: str) -> Freeze:
    """The freeze that :data:`FREEZE_COLUMNS` say."""
    if successor:
        return freeze_for_good(successor)
    if arriving:
        return ARRIVING
    return freeze_until(frozen_until)


def list_values(freeze: Freeze) -> Mapping[str, Any]:
    """What :data:`FREEZE_COLUMNS` are to hold, by their names."""
    return {
        "frozen_until": freeze.until,
        "arriving": int(freeze.kind is FreezeKind.ARRIVING),
        "successor": freeze.successor,
    }


def find_standing(connection: Connection) -> Standing:
    """As :meth:`cloudsvc.drive.freezing.Freezing.find_standing`."""
    return _make_standing(_FIND.row(connection))


def freeze(connection: Connection, until: Instant) -> Standing:
    """As :meth:`cloudsvc.drive.freezing.Freezing.freeze`."""
    found = _FREEZE.row(connection, until=until)
    if found is None:
        raise find_standing(connection).freeze.make_refusal()
    return _make_standing(found)


def renew(connection: Connection, standing: Standing, until: Instant) -> Standing | None:
    """As :meth:`cloudsvc.drive.freezing.Freezing.renew`."""
    # What does not end by itself is none that was begun by whoever wants to renew it.
    found = _RENEW.row(connection, **_compare(standing), until=until) if standing.freeze.ends_by_itself else None
    return None if found is None else _make_standing(found)


def leave(connection: Connection, standing: Standing, successor: str) -> bool:
    """As :meth:`cloudsvc.drive.freezing.Freezing.leave`."""
    if not standing.freeze.ends_by_itself:
        return False
    return _LEAVE.row(connection, **_compare(standing), next_epoch=successor) is not None


def thaw(connection: Connection, *, even_moved: bool) -> None:
    """As :meth:`cloudsvc.drive.freezing.Freezing.thaw`."""
    (_THAW if even_moved else _THAW_UNLESS_MOVED).run(connection)


def end_lapsed(connection: Connection, freeze: Freeze) -> None:
    """
    End a freeze that is over by the clock of whoever makes a change, in the transaction of that change. So whoever has
    frozen the catalogue is told of it, also where that goes by another clock.
    """
    if freeze != THAWED:
        thaw(connection, even_moved=False)


def is_catalogue_frozen(connection: Connection, now: Instant) -> bool:
    """Whether changes are refused now."""
    return find_standing(connection).freeze.holds(now)


def check_thawed(freeze: Freeze, now: Instant) -> None:
    """
    See that changes are taken.

    :raises CloudError: they are not.
    """
    if freeze.holds(now):
        raise freeze.make_refusal()


def admit_change(connection: Connection, freeze: Freeze, now: Instant) -> None:
    """
    See that changes are taken, in the transaction of one, and end a freeze that is over.

    :param freeze: what the state says.
    :raises CloudError: they are not.
    """
    check_thawed(freeze, now)
    end_lapsed(connection, freeze)


def _compare(standing: Standing) -> Mapping[str, Any]:
    """The values of the comparison with ``standing``."""
    return {"known_epoch": standing.epoch, "last": standing.last_change, "former": standing.freeze.until}


def _make_standing(row: Any) -> Standing:
    epoch, last_change, *frozen = row
    return Standing(epoch=epoch, last_change=last_change, freeze=read_freeze(*frozen))
