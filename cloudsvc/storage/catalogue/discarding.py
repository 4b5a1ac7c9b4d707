"""Commands of the trash, and the gradual deletion of what was purged."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import String, bindparam, cast, delete, func, insert, literal_column, select, update

from cloudsvc.core.actors import Actor
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Discard, Purge, Restore
from cloudsvc.drive.errors import root_immutable, trash_entry_not_found
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Instant, Node, Trashed, TrashId
from cloudsvc.drive.permissions import Right, find_folders
from cloudsvc.storage.catalogue import payers
from cloudsvc.storage.catalogue.accounts import bring_to_account, find_owner
from cloudsvc.storage.catalogue.name_index import choose_index
from cloudsvc.storage.catalogue.nodes import format_chain, make_node, read_chain, read_path
from cloudsvc.storage.catalogue.quotas import release_account
from cloudsvc.storage.catalogue.schema import FILE, PURGED, TRASH, node, tag, trash, version
from cloudsvc.storage.catalogue.sight import holds_any, look
from cloudsvc.storage.catalogue.storing import drop_version
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.database.constructs import is_among
from cloudsvc.storage.database.statements import Connection, compile_statement

_INSERT: Final = compile_statement(
    insert(trash).values(payer=payers.WHOLE_PAYER).returning(trash.c.id),
    *("node", "path", "deleted_at", "actor", "chain", "account", "shared"),
)
_ENTRY: Final = compile_statement(
    select(trash.c.node, trash.c.path, trash.c.chain, trash.c.account).where(trash.c.id == bindparam("entry"))
)
_DELETE: Final = compile_statement(delete(trash).where(trash.c.id == bindparam("entry")))
_DELETE_ALL: Final = compile_statement(delete(trash))
_PURGE: Final = compile_statement(
    update(node).where(node.c.id == bindparam("node")).values(parent=bindparam("purged"), key=cast(node.c.id, String))
)
_PURGE_ALL: Final = compile_statement(
    update(node)
    .where(node.c.parent == bindparam("trash"))
    .values(parent=bindparam("purged"), key=cast(node.c.id, String))
)
_NEWEST: Final = compile_statement(select(func.max(trash.c.id)))
_some: Final = select(trash.c.id).where(trash.c.id <= bindparam("newest")).order_by(trash.c.id).limit(bindparam("most"))
_LAST: Final = compile_statement(select(func.max(_some.subquery("some").c.id)))
_PURGE_SOME: Final = compile_statement(
    update(node)
    .where(node.c.id.in_(select(trash.c.node).where(trash.c.id <= bindparam("last"))))
    .values(parent=bindparam("purged"), key=cast(node.c.id, String))
)
_DELETE_SOME: Final = compile_statement(delete(trash).where(trash.c.id <= bindparam("last")))
_GRANTED: Final = compile_statement(_some.where(holds_any(trash.c.chain, "granted")))
_EVICTABLE: Final = compile_statement(
    # Written out, not a parameter: only so the index of what may be given up can be used.
    select(func.min(trash.c.id)).where(trash.c.account == bindparam("owner"), trash.c.shared == literal_column("0"))
)
_OUTDATED: Final = compile_statement(
    select(trash.c.id).where(trash.c.deleted_at < bindparam("before")).limit(bindparam("most"))
)
_PURGE_THESE: Final = compile_statement(
    update(node)
    .where(node.c.id.in_(select(trash.c.node).where(is_among(trash.c.id, bindparam("ids")))))
    .values(parent=bindparam("purged"), key=cast(node.c.id, String))
)
_DELETE_THESE: Final = compile_statement(delete(trash).where(is_among(trash.c.id, bindparam("ids"))))
_OLDEST_VERSIONS: Final = compile_statement(
    select(version.c.id, version.c.blob)
    .where(version.c.superseded_at.is_not(None), version.c.superseded_at < bindparam("before"))
    .order_by(version.c.superseded_at, version.c.id)
    .limit(bindparam("most"))
)
_EVICTABLE_VERSION: Final = compile_statement(
    select(version.c.id, version.c.blob)
    .where(version.c.account == bindparam("owner"), version.c.superseded_at.is_not(None))
    .order_by(version.c.superseded_at, version.c.id)
    .limit(1)
)

_NEXT: Final = compile_statement(select(node.c.id, node.c.kind).where(node.c.parent == bindparam("parent")).limit(1))
_FLATTEN: Final = compile_statement(
    update(node)
    .where(node.c.id.in_(select(node.c.id).where(node.c.parent == bindparam("folder")).limit(bindparam("most"))))
    .values(parent=bindparam("purged"), key=cast(node.c.id, String))
)
_DELETE_NODE: Final = compile_statement(delete(node).where(node.c.id == bindparam("node")))
_DELETE_TAGS: Final = compile_statement(delete(tag).where(tag.c.node == bindparam("node")))
_VERSIONS: Final = compile_statement(select(version.c.id, version.c.blob).where(version.c.node == bindparam("node")))

_EVER: Final = 2**62
"""Later than anything."""


def discard(context: Context, command: Discard) -> Trashed:
    """As the command says."""
    if not command.path:
        raise root_immutable()
    found = context.locate(command.path, command.kind)
    row, path, chain = found
    context.check(command.condition, row, path)
    entry: int = _INSERT.value(
        context.connection,
        node=row.id,
        top=row.id,
        path=str(path),
        deleted_at=context.now,
        actor=context.actor.name,
        chain=format_chain(chain),
        account=find_owner(context.connection, chain),
        shared=int(not row.is_file and context.surroundings.hold(context.connection, row.id)),
    )
    context.hide(row, TRASH, entry)
    context.note(ChangeKind.DISCARDED, found)
    return Trashed(
        id=TrashId(entry),
        node=make_node(context.connection, context.epoch, row, path),
        deleted_at=context.now,
        actor=context.actor.name,
    )


def restore(context: Context, command: Restore) -> Node:
    """As the command says."""
    node_id, former, chain, owner = _find_entry(context.connection, command.entry)
    context.authorisation.check_entry(command.entry, chain)
    row = context.load(node_id)
    if command.destination is None:
        place = context.claim_place(context.authorisation.find_place(command.entry, former, chain), command.entry)
    else:
        place = context.claim_place(command.destination)
    context.place(row, place.folder, place.path.name)
    _DELETE.run(context.connection, entry=command.entry)
    bring_to_account(context, node_id, owner, place.hold(row).chain)
    context.note(ChangeKind.RESTORED, place.hold(row), former_chain=chain)
    return context.node(row.id, place.told)


def purge(context: Context, command: Purge) -> int:
    """As the command says."""
    if command.entry is not None:
        _, _, chain, _ = _find_entry(context.connection, command.entry)
        context.authorisation.check_entry(command.entry, chain)
        return purge_entry(context.connection, command.entry)
    if not context.authorisation.is_unlimited:
        return purge_granted(context.actor, context.connection, _EVER, _EVER)
    _PURGE_ALL.run(context.connection, trash=TRASH, purged=PURGED)
    return _DELETE_ALL.run(context.connection).rowcount


def find_newest(connection: Connection) -> int:
    """The entry of the trash that was made last; 0 where there is none."""
    return _NEWEST.value(connection) or 0


def purge_up_to(connection: Connection, newest: int, most: int) -> int:
    """Give up to ``most`` entries up to ``newest``, the oldest first; how many that were."""
    last = _LAST.value(connection, newest=newest, most=most)
    if last is None:
        return 0
    _PURGE_SOME.run(connection, last=last, purged=PURGED)
    return _DELETE_SOME.run(connection, last=last).rowcount


def purge_granted(actor: Actor, connection: Connection, newest: int, most: int) -> int:
    """As :func:`purge_up_to`, of what ``actor`` may purge."""
    granted = look(connection, find_folders(actor, Right.PURGE)).granted
    found = _GRANTED.run(connection, newest=newest, most=most, granted=json.dumps([*granted])).fetchall()
    return sum(purge_entry(connection, entry) for (entry,) in found)


def purge_entry(connection: Connection, entry: int) -> int:
    """
    Give up one entry of the trash; how many that were.

    :raises CloudError: there is no such entry.
    """
    node_id, *_ = _find_entry(connection, entry)
    _DELETE.run(connection, entry=entry)
    _PURGE.run(connection, node=node_id, purged=PURGED)
    return 1


def _find_entry(connection: Connection, entry: int) -> tuple[int, DrivePath, tuple[int, ...], int]:
    """
    The node of an entry, the path that it had, the nodes that were on it, and the quota owner to which it counts.

    :raises CloudError: there is no such entry.
    """
    found = _ENTRY.row(connection, entry=entry)
    if found is None:
        raise trash_entry_not_found()
    node_id, path, chain, owner = found
    return node_id, read_path(path), read_chain(chain), owner


def purge_before(connection: Connection, before: Instant, most: int) -> int:
    """Give up to ``most`` entries from before a moment; how many that were."""
    ids = json.dumps([entry for (entry,) in _OUTDATED.rows(connection, before=before, most=most)])
    _PURGE_THESE.run(connection, ids=ids, purged=PURGED)
    return _DELETE_THESE.run(connection, ids=ids).rowcount


def drop_versions_before(connection: Connection, before: Instant, most: int) -> int:
    """Forget up to ``most`` versions superseded before a moment, the oldest first; how many that were."""
    outdated = _OLDEST_VERSIONS.run(connection, before=before, most=most).fetchall()
    for number, blob_id in outdated:
        drop_version(connection, number, blob_id)
    return len(outdated)


def evict(connection: Connection, owner: int) -> bool:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.evict`."""
    oldest = _EVICTABLE.value(connection, owner=owner)
    if oldest is not None:
        return purge_entry(connection, oldest) == 1
    superseded = _EVICTABLE_VERSION.row(connection, owner=owner)
    if superseded is not None:
        drop_version(connection, *superseded)
    return superseded is not None


def evict_paid(connection: Connection, name: str) -> bool:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.evict_paid`."""
    oldest = payers.find_evictable_entry(connection, name)
    if oldest is not None:
        return purge_entry(connection, oldest) == 1
    superseded = payers.find_evictable_version(connection, name)
    if superseded is not None:
        drop_version(connection, *superseded)
    return superseded is not None


def remove_purged(connection: Connection, limit: int) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.remove_purged`."""
    removed = 0
    while removed < limit and (found := _NEXT.row(connection, parent=PURGED)) is not None:
        node_id, kind = found
        if kind == FILE:
            _remove_file(connection, node_id)
            removed += 1
        elif brought := _FLATTEN.run(connection, folder=node_id, most=limit - removed, purged=PURGED).rowcount:
            removed += brought
        elif given := release_account(connection, node_id, limit - removed):
            removed += given
        else:
            _DELETE_NODE.run(connection, node=node_id)
            removed += 1
    return removed


def _remove_file(connection: Connection, node_id: int) -> None:
    for number, blob_id in _VERSIONS.run(connection, node=node_id).fetchall():
        drop_version(connection, number, blob_id)
    _DELETE_TAGS.run(connection, node=node_id)
    choose_index(connection).remove(connection, node_id)
    _DELETE_NODE.run(connection, node=node_id)
