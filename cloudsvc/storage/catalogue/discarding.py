"""Commands of the trash, and how what was given up goes away bit by bit."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

from sqlalchemy import String, bindparam, cast, delete, func, insert, select, update

from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Discard, Purge, Restore
from cloudsvc.drive.errors import root_is_fixed, trash_entry_not_found
from cloudsvc.drive.nodes import Instant, Node, Trashed, TrashId
from cloudsvc.storage.catalogue.nodes import make_node, read_path
from cloudsvc.storage.catalogue.schema import FILE, PURGED, TRASH, node, tag, trash, version
from cloudsvc.storage.catalogue.statements import compile_statement
from cloudsvc.storage.catalogue.storing import drop_version
from cloudsvc.storage.catalogue.tree import Context

_INSERT: Final = compile_statement(insert(trash), "node", "path", "deleted_at", "actor")
_ENTRY: Final = compile_statement(select(trash.c.node, trash.c.path).where(trash.c.id == bindparam("entry")))
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
_OLDEST: Final = compile_statement(select(func.min(trash.c.id)))
_OUTDATED: Final = compile_statement(
    select(trash.c.id).where(trash.c.deleted_at < bindparam("before")).limit(bindparam("most"))
)
_OLDEST_VERSIONS: Final = compile_statement(
    select(version.c.id, version.c.blob)
    .where(version.c.superseded_at.is_not(None), version.c.superseded_at < bindparam("before"))
    .order_by(version.c.superseded_at, version.c.id)
    .limit(bindparam("most"))
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
        raise root_is_fixed()
    row, path = context.locate(command.path, command.kind)
    context.check(command.condition, row, path)
    entry = (
        _INSERT.run(
            context.connection, node=row.id, path=str(path), deleted_at=context.now, actor=context.actor
        ).lastrowid
        or 0
    )
    context.hide(row, TRASH, entry)
    context.note(ChangeKind.DISCARDED, row, path)
    return Trashed(
        id=TrashId(entry),
        node=make_node(context.connection, context.epoch, row, path),
        deleted_at=context.now,
        actor=context.actor,
    )


def restore(context: Context, command: Restore) -> Node:
    """As the command says."""
    found = _ENTRY.row(context.connection, entry=command.entry)
    if found is None:
        raise trash_entry_not_found()
    row = context.load(found[0])
    destination = read_path(found[1]) if command.destination is None else command.destination
    parent, path = context.claim_place(destination)
    context.place(row, parent, path.name)
    _DELETE.run(context.connection, entry=command.entry)
    context.note(ChangeKind.RESTORED, row, path)
    return context.node(row.id, path)


def purge(context: Context, command: Purge) -> int:
    """As the command says."""
    if command.entry is not None:
        return purge_entry(context.connection, command.entry)
    _PURGE_ALL.run(context.connection, trash=TRASH, purged=PURGED)
    return _DELETE_ALL.run(context.connection).rowcount


def purge_entry(connection: Connection, entry: int) -> int:
    """
    Give up one entry of the trash; how many that were.

    :raises CloudError: there is no such entry.
    """
    found = _ENTRY.row(connection, entry=entry)
    if found is None:
        raise trash_entry_not_found()
    _DELETE.run(connection, entry=entry)
    _PURGE.run(connection, node=found[0], purged=PURGED)
    return 1


def purge_before(connection: Connection, before: Instant, most: int) -> int:
    """Give up to ``most`` entries from before a moment; how many that were."""
    outdated = _OUTDATED.run(connection, before=before, most=most).fetchall()
    return sum(purge_entry(connection, entry) for (entry,) in outdated)


def drop_versions_before(connection: Connection, before: Instant, most: int) -> int:
    """Forget up to ``most`` versions superseded before a moment, the oldest first; how many that were."""
    outdated = _OLDEST_VERSIONS.run(connection, before=before, most=most).fetchall()
    for number, blob_id in outdated:
        drop_version(connection, number, blob_id)
    return len(outdated)


def shed(connection: Connection) -> bool:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.shed`."""
    oldest = _OLDEST.value(connection)
    if oldest is not None:
        return purge_entry(connection, oldest) == 1
    return drop_versions_before(connection, _EVER, 1) == 1


def sweep(connection: Connection, limit: int) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.sweep`."""
    swept = 0
    while swept < limit and (found := _NEXT.row(connection, parent=PURGED)) is not None:
        node_id, kind = found
        if kind == FILE:
            _remove_file(connection, node_id)
            swept += 1
        elif brought := _FLATTEN.run(connection, folder=node_id, most=limit - swept, purged=PURGED).rowcount:
            swept += brought
        else:
            _DELETE_NODE.run(connection, node=node_id)
            swept += 1
    return swept


def _remove_file(connection: Connection, node_id: int) -> None:
    for number, blob_id in _VERSIONS.run(connection, node=node_id).fetchall():
        drop_version(connection, number, blob_id)
    _DELETE_TAGS.run(connection, node=node_id)
    _DELETE_NODE.run(connection, node=node_id)
