"""The trash: its commands, and what becomes of what is purged."""

from __future__ import annotations

from attrs import evolve

from cloudsvc.core.actors import Actor
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Discard, Purge, Restore
from cloudsvc.drive.errors import root_immutable, trash_entry_not_found
from cloudsvc.drive.nodes import Node, Trashed, TrashId
from cloudsvc.drive.permissions import Right, find_folders
from cloudsvc.storage.memory_catalogue.accounts import (
    bring_to_account,
    find_owner,
    has_owner_below,
    release_account,
)
from cloudsvc.storage.memory_catalogue.context import Context
from cloudsvc.storage.memory_catalogue.payers import find_whole_payer
from cloudsvc.storage.memory_catalogue.sight import Sight, look
from cloudsvc.storage.memory_catalogue.tables import PURGED, TRASH, Tables, Thrown


def discard(context: Context, command: Discard) -> Trashed:
    """As the command says."""
    if not command.path:
        raise root_immutable()
    found = context.locate(command.path, command.kind)
    context.check(command.condition, found.entry, found.path)
    thrown = Thrown(
        id=TrashId(context.tables.give_id()),
        node=found.entry.id,
        path=found.path,
        chain=found.chain,
        deleted_at=context.now,
        actor=context.actor.name,
        account=find_owner(context.tables, found.chain),
        is_shared=has_owner_below(context.tables, found.entry.id),
        payer=find_whole_payer(context.tables, found.entry.id),
    )
    context.tables.trash[thrown.id] = thrown
    context.tables.put(evolve(found.entry, parent=TRASH))
    context.note(ChangeKind.DISCARDED, found)
    node = context.tables.make_node(found.entry, found.path)
    return Trashed(id=thrown.id, node=node, deleted_at=thrown.deleted_at, actor=thrown.actor)


def restore(context: Context, command: Restore) -> Node:
    """As the command says."""
    thrown = _find(context.tables, command.entry)
    context.authorisation.check_entry(thrown)
    entry = context.tables.nodes[thrown.node]
    if command.destination is None:
        place = context.claim_place(context.authorisation.find_place(thrown), thrown.id)
    else:
        place = context.claim_place(command.destination)
    context.place(entry, place)
    del context.tables.trash[thrown.id]
    bring_to_account(context, entry.id, thrown.account, place.hold(entry).chain)
    context.note(ChangeKind.RESTORED, place.hold(entry), former_chain=thrown.chain)
    return context.node(entry.id, place.told)


def purge(context: Context, command: Purge) -> int:
    """As the command says."""
    if command.entry is None:
        return purge_granted(context.tables, context.actor)
    thrown = _find(context.tables, command.entry)
    context.authorisation.check_entry(thrown)
    purge_entry(context.tables, thrown)
    return 1


def purge_granted(tables: Tables, actor: Actor) -> int:
    """Give up all entries that ``actor`` may purge; how many that were."""
    sight = look(tables, find_folders(actor, Right.PURGE))
    granted = [thrown for thrown in tables.trash.values() if sight.sees(thrown.chain)]
    for thrown in granted:
        purge_entry(tables, thrown)
    return len(granted)


def purge_entry(tables: Tables, thrown: Thrown) -> None:
    """Give up one entry."""
    del tables.trash[thrown.id]
    tables.put(evolve(tables.nodes[thrown.node], parent=PURGED))


def remove_purged(tables: Tables, limit: int) -> int:
    """
    Remove what was purged, those in a folder before it, in ``limit`` steps; how many it took. What counts to a folder
    that goes is one step each as well.
    """
    _, *purged = tables.walk(PURGED)
    removed = 0
    for entry in reversed(purged):
        removed += release_account(tables, entry.id, limit - removed)
        if removed == limit:
            break
        tables.remove(entry.id)
        removed += 1
    return removed


def make_trashed(thrown: Thrown, sight: Sight) -> Trashed:
    """An entry as it is told to those who see what is in ``sight``."""
    node = sight.tables.make_node(sight.tables.nodes[thrown.node], sight.tell(thrown.path, thrown.chain))
    return Trashed(id=thrown.id, node=node, deleted_at=thrown.deleted_at, actor=thrown.actor)


def _find(tables: Tables, entry: TrashId) -> Thrown:
    if entry not in tables.trash:
        raise trash_entry_not_found()
    return tables.trash[entry]
