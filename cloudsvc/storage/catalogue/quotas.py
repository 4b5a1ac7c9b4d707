"""Quotas of folders: how they begin and end, and what counts to whom from then on."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, update

from cloudsvc.drive.accounts import MOST_QUOTAS
from cloudsvc.drive.commands import SetQuota
from cloudsvc.drive.errors import root_has_capacity, too_many_quotas
from cloudsvc.drive.nodes import Folder, Node
from cloudsvc.storage.catalogue.accounts import charge, find_owner, load_account, recount
from cloudsvc.storage.catalogue.schema import ROOT, account, blob, trash, version
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.database.statements import Connection, compile_statement

_COUNT: Final = compile_statement(select(func.count()).select_from(account))
_INSERT: Final = compile_statement(insert(account), "owner", "quota", "stored_bytes")
_SET: Final = compile_statement(
    update(account).where(account.c.owner == bindparam("account")).values(quota=bindparam("new_quota"))
)
_DELETE: Final = compile_statement(delete(account).where(account.c.owner == bindparam("owner")))

_some = (
    select(version.c.id, version.c.blob)
    # Written out, not a parameter: only so the index of those that do not count to the root can be used.
    .where(version.c.account == bindparam("former"), version.c.account != literal_column(str(ROOT)))
    .order_by(version.c.id)
    .limit(bindparam("most"))
    .subquery("some")
)
_MEASURE: Final = compile_statement(
    select(func.count(), func.coalesce(func.sum(blob.c.size), 0)).select_from(
        _some.join(blob, blob.c.id == _some.c.blob)
    )
)
_GIVE_VERSIONS: Final = compile_statement(
    update(version).where(version.c.id.in_(select(_some.c.id))).values(account=bindparam("new_account"))
)
_GIVE_TRASH: Final = compile_statement(
    update(trash)
    .where(
        trash.c.id.in_(
            select(trash.c.id)
            .where(trash.c.account == bindparam("former"), trash.c.account != literal_column(str(ROOT)))
            .limit(bindparam("most"))
        )
    )
    .values(account=bindparam("new_account"))
)


def set_quota(context: Context, command: SetQuota) -> Node:
    """As the command says."""
    if not command.path:
        raise root_has_capacity()
    row, path, chain = context.locate(command.path, Folder)
    connection, above = context.connection, find_owner(context.connection, chain[:-1])
    # Whoever may use a quota must not share it out, for what is in a folder with one of its own does not count to it.
    around = chain[:-1] if above == ROOT else chain[: chain.index(above)]
    context.authorisation.check_node(command.path.parent, around)
    if context.authorisation.is_unlimited:
        context.recounted.share_out()
    is_known = load_account(connection, row.id) is not None
    if command.quota is None:
        if is_known:
            _end(context, row.id, above)
            context.surroundings.forget()
    elif is_known:
        _SET.run(connection, account=row.id, new_quota=command.quota)
    else:
        if _COUNT.value(connection) >= MOST_QUOTAS:
            raise too_many_quotas(MOST_QUOTAS)
        _INSERT.run(connection, owner=row.id, quota=command.quota, stored_bytes=0)
        recount(context, row.id, [above], row.id)
        context.surroundings.forget()
    return context.node(row.id, path)


def release_account(connection: Connection, folder: int, limit: int) -> int:
    """
    Let what counts to a folder that is about to be removed count to the root: that was thrown away from there before.

    :param limit: versions, or entries of the trash, in this step.
    :return: how many there were. Where there are none any more, the account is gone as well.
    """
    if load_account(connection, folder) is None:
        return 0
    given, _ = _give(connection, folder, ROOT, limit)
    if not given:
        given = _give_trash(connection, folder, ROOT, limit)
    if not given:
        _DELETE.run(connection, owner=folder)
    return given


def _end(context: Context, owner: int, above: int) -> None:
    """
    Let everything that counts to ``owner`` count to the owner above, be it beyond that one's quota.

    :raises CloudError: that is more than one step can do, with what it has done already.
    """
    connection, recounted = context.connection, context.recounted
    given, size = _give(connection, owner, above, recounted.most)
    recounted.add(given)
    # Of the entries of the trash, most have a version. Those of folders in which nothing is have none.
    entries = _give_trash(connection, owner, above, given + recounted.most)
    recounted.add(max(0, entries - given))
    charge(connection, above, size)
    _DELETE.run(connection, owner=owner)


def _give(connection: Connection, owner: int, other: int, most: int) -> tuple[int, int]:
    """Let up to ``most`` versions count to ``other``, which is still to be charged; how many, and of what size."""
    number, size = _MEASURE.row(connection, former=owner, most=most) or (0, 0)
    _GIVE_VERSIONS.run(connection, former=owner, new_account=other, most=most)
    charge(connection, owner, -size)
    return number, size


def _give_trash(connection: Connection, owner: int, other: int, most: int) -> int:
    """Let up to ``most`` entries of the trash count to ``other``; how many."""
    return _GIVE_TRASH.run(connection, former=owner, new_account=other, most=most).rowcount
