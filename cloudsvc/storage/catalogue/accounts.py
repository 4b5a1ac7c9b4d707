"""
Accounts of space: what counts to the quota of which folder.

A version remembers to whose account it counts, so that nothing has to be walked through when it goes. The root has no
row here: what counts to it is counted by blobs, in the state, whether or not there are other accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import bindparam, func, literal_column, select, update

from cloudsvc.drive.accounts import Account, Miscount, Quota
from cloudsvc.drive.errors import quota_exceeded
from cloudsvc.drive.nodes import NodeId
from cloudsvc.storage.catalogue.nodes import Ancestry, load_rows
from cloudsvc.storage.catalogue.schema import ROOT, account, blob, node, version
from cloudsvc.storage.catalogue.sight import format_ids
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.database.constructs import is_among
from cloudsvc.storage.database.statements import Connection, compile_statement

_COLUMNS: Final = (account.c.owner, account.c.quota, account.c.stored_bytes)
_AMONG: Final = compile_statement(select(*_COLUMNS).where(is_among(account.c.owner, bindparam("owners"))))
_ACCOUNT: Final = compile_statement(select(*_COLUMNS).where(account.c.owner == bindparam("owner")))
_ALL: Final = compile_statement(select(*_COLUMNS).order_by(account.c.owner))
_CHARGE: Final = compile_statement(
    update(account)
    .where(account.c.owner == bindparam("account"))
    .values(stored_bytes=account.c.stored_bytes + bindparam("difference"))
)
_REFUND: Final = compile_statement(
    update(account)
    .where(account.c.owner == bindparam("account"))
    .values(
        stored_bytes=account.c.stored_bytes
        - select(blob.c.size).where(blob.c.id == bindparam("blob")).scalar_subquery()
    )
)
_counted = (
    select(func.coalesce(func.sum(blob.c.size), 0))
    .select_from(version.join(blob, blob.c.id == version.c.blob))
    # Written out, not a parameter: only so the index of those that do not count to the root can be used.
    .where(version.c.account == account.c.owner, version.c.account != literal_column(str(ROOT)))
    .correlate(account)
    .scalar_subquery()
)
_COUNTED: Final = compile_statement(select(account.c.owner, _counted).order_by(account.c.owner))

_below = select(node.c.id).where(node.c.id == bindparam("top")).cte("below", recursive=True)
_below = _below.union_all(select(node.c.id).where(node.c.parent == _below.c.id))
_COUNT_NODES: Final = compile_statement(
    select(func.count()).select_from(select(_below.c.id).limit(bindparam("most")).subquery())
)
_sizes = (
    select(blob.c.size)
    .select_from(version.join(blob, blob.c.id == version.c.blob))
    .where(version.c.node.in_(select(_below.c.id)), version.c.account == bindparam("former"))
    .limit(bindparam("most"))
    .subquery("sizes")
)
_MEASURE: Final = compile_statement(select(func.count(), func.coalesce(func.sum(_sizes.c.size), 0)).select_from(_sizes))
_RECOUNT: Final = compile_statement(
    update(version)
    .where(version.c.node.in_(select(_below.c.id)), version.c.account == bindparam("former"))
    .values(account=bindparam("new_account"))
)


def find_account(connection: Connection, chain: Sequence[int]) -> Account | None:
    """The account to which what is at the end of ``chain`` counts; none where that is the root's. One statement."""
    found = {row[0]: row for row in _AMONG.rows(connection, owners=format_ids(chain))}
    nearest = next((found[each] for each in reversed(chain) if each in found), None)
    return None if nearest is None else _make_account(*nearest)


def find_owner(connection: Connection, chain: Sequence[int]) -> int:
    """As :func:`find_account`, the quota owner, be it the root."""
    found = find_account(connection, chain)
    return ROOT if found is None else found.owner


def load_account(connection: Connection, owner: int) -> Account | None:
    """As :meth:`cloudsvc.drive.catalogue.Holdings.find_account`."""
    found = _ACCOUNT.row(connection, owner=owner)
    return None if found is None else _make_account(*found)


def list_quotas(connection: Connection) -> Sequence[Quota]:
    """As :meth:`cloudsvc.drive.catalogue.Holdings.list_quotas`."""
    accounts = [_make_account(*found) for found in _ALL.rows(connection)]
    rows = load_rows(connection, {each.owner for each in accounts})
    paths = dict(zip(rows, Ancestry(connection).find_anywhere([*rows.values()]), strict=True))
    return [Quota(path=path, account=each) for each in accounts if (path := paths.get(each.owner)) is not None]


def find_miscounts(connection: Connection) -> Sequence[Miscount]:
    """As :meth:`cloudsvc.drive.catalogue.Inventory.find_miscounts`."""
    counted: dict[int, int] = dict(_COUNTED.rows(connection))
    return [
        Miscount(quota=each, counted=counted[each.account.owner])
        for each in list_quotas(connection)
        if counted[each.account.owner] != each.account.stored_bytes
    ]


def charge(connection: Connection, owner: int, difference: int) -> None:
    """So many bytes more count to an account, or fewer."""
    if owner != ROOT:
        _CHARGE.run(connection, account=owner, difference=difference)


def refund(connection: Connection, owner: int, blob_id: str) -> None:
    """A version that consisted of a blob counts no more."""
    if owner != ROOT:
        _REFUND.run(connection, account=owner, blob=blob_id)


def check_quota(connection: Connection, owner: int, allowed: int = 0) -> None:
    """
    See that no more is stored than the quota of ``owner``.

    :param allowed: bytes that may be beyond it, since they are about to be given up.
    :raises CloudError: there is more.
    """
    if owner != ROOT:
        found = load_account(connection, owner)
        if found is not None and found.stored_bytes > found.quota + allowed:
            raise quota_exceeded(found.owner)


def recount(context: Context, top: int, former: Iterable[int], owner: int) -> None:
    """
    Let count to ``owner`` what counted to those in ``former`` of ``top`` and all below it, be it beyond the quota.

    :raises CloudError: that is more than one step can do, with what it has done already.
    """
    connection, recounted = context.connection, context.recounted
    nodes = _COUNT_NODES.value(connection, top=top, most=recounted.most)
    recounted.add(nodes)
    # Of the nodes, most have one version.
    most = nodes + recounted.most
    measured = {each: _MEASURE.row(connection, top=top, former=each, most=most) or (0, 0) for each in former}
    recounted.add(max(0, sum(versions for versions, _ in measured.values()) - nodes))
    for each, (_, size) in measured.items():
        _RECOUNT.run(connection, top=top, former=each, new_account=owner)
        charge(connection, each, -size)
        charge(connection, owner, size)


def bring_to_account(context: Context, top: int, former: int, chain: Sequence[int]) -> None:
    """
    Let ``top`` and everything below it, which is at the end of ``chain`` now, count to the account there.

    :param former: to which it has counted.
    :raises CloudError: it does not fit in there, or is more than one step can do.
    """
    owner = find_owner(context.connection, chain)
    if owner == former:
        return
    # What counts to the root in something that does not was in a folder that is being removed: see ``release_account``.
    recount(context, top, {former, ROOT} - {owner}, owner)
    check_quota(context.connection, owner)


def _make_account(owner: int, quota: int, stored_bytes: int) -> Account:
    return Account(owner=NodeId(owner), quota=quota, stored_bytes=stored_bytes)
