"""
Accounts of payers: how much each user has stored, wherever it is.

A version remembers on whose behalf it was stored, and the row of that user counts it until it is gone: in the
transaction that adds or removes it, so that both agree, and at the same cost however much there is. The row has a name,
and not what a room of accounts calls a user: a catalogue that is brought elsewhere, or restored apart, still knows
whose is what.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import and_, bindparam, case, exists, func, insert, literal_column, or_, select, union_all, update

from cloudsvc.core.actors import Actor, Payer
from cloudsvc.drive.accounts import MiscountedPayer
from cloudsvc.drive.bounds import MOST_LOOKED_THROUGH
from cloudsvc.drive.errors import payer_quota_exceeded
from cloudsvc.drive.nodes import File, NodeId
from cloudsvc.storage.catalogue.schema import PURGED, blob, node, payer, trash, version
from cloudsvc.storage.database.constructs import is_among_texts
from cloudsvc.storage.database.statements import Connection, compile_statement

_CHARGE: Final = compile_statement(
    update(payer)
    .where(payer.c.name == bindparam("payer_name"))
    .values(stored_bytes=payer.c.stored_bytes + bindparam("difference"))
    .returning(payer.c.id)
)
_NEXT: Final = compile_statement(select(func.coalesce(func.max(payer.c.id), 0) + 1))
_INSERT: Final = compile_statement(insert(payer), "id", "name", "stored_bytes")
_REFUND: Final = compile_statement(
    update(payer)
    .where(payer.c.id == bindparam("payer"))
    .values(
        stored_bytes=payer.c.stored_bytes - select(blob.c.size).where(blob.c.id == bindparam("blob")).scalar_subquery()
    )
)
_STORED: Final = compile_statement(select(payer.c.stored_bytes).where(payer.c.name == bindparam("name")))
_STORED_WITH: Final = compile_statement(
    select(
        payer.c.stored_bytes,
        exists(select(version.c.id).where(version.c.id == bindparam("version")).where(version.c.payer == payer.c.id)),
    ).where(payer.c.name == bindparam("name"))
)
_SOME: Final = compile_statement(
    select(payer.c.name, payer.c.stored_bytes).where(is_among_texts(payer.c.name, bindparam("names")))
)

# Written out, not a parameter: only so the indexes of what somebody has stored can be used.
_payer = select(payer.c.id).where(payer.c.name == bindparam("name")).scalar_subquery()
_is_theirs = and_(trash.c.payer == _payer, trash.c.payer.is_not(None), trash.c.shared == literal_column("0"))
_is_superseded = and_(version.c.payer == _payer, version.c.payer.is_not(None), version.c.superseded_at.is_not(None))
_ENTRY: Final = compile_statement(select(func.min(trash.c.id)).where(_is_theirs))
_SUPERSEDED: Final = compile_statement(
    select(version.c.id, version.c.blob).where(_is_superseded).order_by(version.c.superseded_at, version.c.id).limit(1)
)
_gone = (
    select(node.c.id)
    .where(or_(node.c.parent == PURGED, node.c.id.in_(select(trash.c.node).where(_is_theirs))))
    .cte("gone", recursive=True)
)
_gone = _gone.union_all(select(node.c.id).join(_gone, node.c.parent == _gone.c.id))
_droppable = union_all(
    select(version.c.blob).where(_is_superseded),
    select(version.c.blob).where(
        version.c.node.in_(select(_gone.c.id)), version.c.payer == _payer, version.c.superseded_at.is_(None)
    ),
).subquery("droppable")
_DROPPABLE: Final = compile_statement(
    select(func.coalesce(func.sum(blob.c.size), 0)).select_from(_droppable.join(blob, blob.c.id == _droppable.c.blob))
)
# All versions are gone through, once: nobody waits for it but who verifies a drive.
_counted = (
    select(version.c.payer, func.sum(blob.c.size).label("size"))
    .select_from(version.join(blob, blob.c.id == version.c.blob))
    .where(version.c.payer.is_not(None))
    .group_by(version.c.payer)
    .subquery("counted")
)
_COUNTED: Final = compile_statement(
    select(payer.c.name, payer.c.stored_bytes, func.coalesce(_counted.c.size, 0))
    .select_from(payer.outerjoin(_counted, _counted.c.payer == payer.c.id))
    .order_by(payer.c.name)
)
_CLEAR: Final = compile_statement(update(payer).values(stored_bytes=0))
_RECOUNT: Final = compile_statement(
    update(payer).where(payer.c.id == _counted.c.payer).values(stored_bytes=_counted.c.size)
)

_inside = select(node.c.id).where(node.c.id == bindparam("top")).cte("below", recursive=True)
_inside = _inside.union_all(select(node.c.id).where(node.c.parent == _inside.c.id))
_some = select(_inside.c.id).limit(MOST_LOOKED_THROUGH + 1).subquery("some")
_is_one_payers = and_(
    func.count(_some.c.id.distinct()) <= MOST_LOOKED_THROUGH,
    func.count(version.c.id) == func.count(version.c.payer),
    func.min(version.c.payer) == func.max(version.c.payer),
)
_whole = select(case((_is_one_payers, func.min(version.c.payer)))).select_from(
    _some.outerjoin(version, version.c.node == _some.c.id)
)
WHOLE_PAYER: Final = case(
    (select(func.min(payer.c.id)).scalar_subquery().is_not(None), _whole.scalar_subquery()), else_=None
)
"""
Who has stored all versions of the node ``top`` and of what is in it, if that is one user, and it is not too much to be
looked through. Where no user has stored anything, nothing is.
"""


def charge(connection: Connection, who: Payer | None, difference: int) -> int | None:
    """So many bytes more are stored for a user; the number of their row, if it is for one."""
    if who is None:
        return None
    number: int | None = _CHARGE.value(connection, payer_name=who.name, difference=difference)
    if number is None:
        number = int(_NEXT.value(connection))
        _INSERT.run(connection, id=number, name=who.name, stored_bytes=difference)
    return number


def refund(connection: Connection, number: int | None, blob_id: str) -> None:
    """A version that consisted of a blob counts no more to the user whose row this is."""
    if number is not None:
        _REFUND.run(connection, payer=number, blob=blob_id)


def check_quota(connection: Connection, actor: Actor, owner: int, allowed: int = 0) -> None:
    """
    See that no more is stored for the payer of ``actor`` than they may.

    :param owner: the quota owner to which what was stored counts.
    :param allowed: bytes that may be beyond it, since they are about to be given up.
    :raises CloudError: there is more.
    """
    who = actor.payer
    if who is None or who.quota is None:
        return
    missing = (_STORED.value(connection, name=who.name) or 0) - who.quota
    if missing > allowed:
        raise payer_quota_exceeded(actor, NodeId(owner), missing)


def count_bytes(connection: Connection, names: Collection[str]) -> Mapping[str, int]:
    """As :meth:`cloudsvc.drive.catalogue.Holdings.count_paid_bytes`."""
    found: dict[str, int] = dict(_SOME.rows(connection, names=json.dumps([*names])))
    return {name: found.get(name, 0) for name in names}


def count_bytes_for_change(connection: Connection, actor: Actor, file: File | None) -> tuple[int, bool]:
    """
    What is stored for the payer of ``actor``, and whether the current version of ``file`` is among that; nothing where
    they have no quota, and it is not asked for.
    """
    if actor.payer is None or actor.payer.quota is None:
        return 0, False
    number = 0 if file is None else file.version.id
    stored, is_paid = _STORED_WITH.row(connection, name=actor.payer.name, version=number) or (0, False)
    return int(stored), bool(is_paid)


def count_droppable_bytes(connection: Connection, name: str) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Holdings.droppable_paid_bytes`."""
    return int(_DROPPABLE.value(connection, name=name))


def find_evictable_entry(connection: Connection, name: str) -> int | None:
    """The oldest entry of the trash that may be given up for a user, if any."""
    found: int | None = _ENTRY.value(connection, name=name)
    return found


def find_evictable_version(connection: Connection, name: str) -> tuple[int, str] | None:
    """The oldest superseded version that a user has stored, if any, and its blob."""
    found = _SUPERSEDED.row(connection, name=name)
    return None if found is None else (found[0], found[1])


def find_miscounts(connection: Connection) -> Sequence[MiscountedPayer]:
    """As :meth:`cloudsvc.drive.catalogue.Inventory.find_miscounted_payers`."""
    return [
        MiscountedPayer(name=name, stored_bytes=stored, counted=int(counted))
        for name, stored, counted in _COUNTED.rows(connection)
        if stored != counted
    ]


def recount(connection: Connection) -> None:
    """As :meth:`cloudsvc.drive.catalogue.Inventory.recount_payers`."""
    _CLEAR.run(connection)
    _RECOUNT.run(connection)
