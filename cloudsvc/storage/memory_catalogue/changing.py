"""Commands that change the tree without touching contents."""

from __future__ import annotations

from attrs import evolve

from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Copy, DateFile, EditTags, MadeFolder, MakeFolder, Move
from cloudsvc.drive.errors import destination_inside_source, is_file, root_immutable, too_many_tags
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import File, Folder, Node, NodeId, VersionId
from cloudsvc.storage.memory_catalogue import payers
from cloudsvc.storage.memory_catalogue.accounts import bring_to_account, check_quota, find_owner
from cloudsvc.storage.memory_catalogue.context import Context
from cloudsvc.storage.memory_catalogue.tables import Entry


def make_folder(context: Context, command: MakeFolder) -> MadeFolder:
    """As the command says."""
    if not command.path:
        root = context.locate(command.path)
        return MadeFolder(folder=_make_folder(root.entry, root.path), created=False)
    place = context.open_place(command.path)
    taken = place.taken
    if taken is None:
        command.condition.check(command.path, None)
        entry = context.insert(place.folder, place.path.name, is_file=False)
        context.note(ChangeKind.CREATED, place.hold(entry))
        return MadeFolder(folder=_make_folder(entry, place.told), created=True)
    if taken.is_file:
        raise is_file(place.told)
    context.check(command.condition, taken, place.told)
    return MadeFolder(folder=_make_folder(taken, place.told), created=False)


def move(context: Context, command: Move) -> Node:
    """As the command says."""
    if not command.path or not command.destination:
        raise root_immutable()
    source = context.locate(command.path, command.kind)
    entry = source.entry
    context.check(command.condition, entry, source.path)
    if command.destination != command.path and command.destination.is_within(command.path) and not entry.is_file:
        raise destination_inside_source(source.path)
    place = context.claim_place(command.destination, mover=entry.id)
    # The place may lie beside the path that was asked for.
    if entry.id in place.above:
        raise destination_inside_source(source.path)
    context.place(entry, place)
    bring_to_account(context, entry.id, find_owner(context.tables, source.chain), place.hold(entry).chain)
    context.note(ChangeKind.MOVED, place.hold(entry), source)
    return context.node(entry.id, place.told)


def edit_tags(context: Context, command: EditTags) -> File:
    """As the command says."""
    file = context.locate(command.path, File)
    entry = file.entry
    context.check(command.condition, entry, file.path)
    tags = tuple(sorted({*entry.tags, *command.add} - {*command.remove}))
    if len(tags) > max(command.most, len(entry.tags)):
        raise too_many_tags(command.most)
    if tags != entry.tags:
        context.tables.put(evolve(entry, tags=tags, updated_at=context.now))
        context.note(ChangeKind.CHANGED, file)
    return context.file(entry.id, file.path)


def date_file(context: Context, command: DateFile) -> File:
    """As the command says."""
    file = context.locate(command.path, File)
    dated = evolve(file.entry, created_at=command.created_at, updated_at=command.updated_at)
    if dated != file.entry:
        context.tables.put(dated)
        context.note(ChangeKind.CHANGED, file)
    return context.file(dated.id, file.path)


def copy(context: Context, command: Copy) -> Node:
    """As the command says."""
    source = context.locate(command.source)
    entry = source.entry
    if not command.destination:
        raise root_immutable()
    if not entry.is_file and command.destination.is_within(command.source):
        raise destination_inside_source(source.path)
    place = context.claim_place(command.destination)
    if entry.id in place.above:
        raise destination_inside_source(source.path)
    owner = find_owner(context.tables, place.above)
    context.made.add(1)
    made = evolve(_copy(context, entry, place.folder, owner), name=place.path.name)
    context.tables.put(made)
    _copy_contents(context, entry.id, made.id, owner)
    check_quota(context.tables, owner)
    payers.check_quota(context.tables, context.actor, owner)
    context.note(ChangeKind.CREATED, place.hold(made))
    return context.node(made.id, place.told)


def _copy_contents(context: Context, folder: NodeId, made: NodeId, owner: NodeId) -> None:
    """
    Make copies of all that is in ``folder`` in ``made``, which counts to ``owner``.

    :raises CloudError: that is more than one step can make.
    """
    waiting = [(folder, made)]
    while waiting:
        folder, made = waiting.pop()
        children = context.tables.list_children(folder)
        context.made.add(len(children))
        for child in children:
            copied = _copy(context, child, made, owner)
            context.tables.put(copied)
            waiting.append((child.id, copied.id))


def _copy(context: Context, entry: Entry, folder: NodeId, owner: NodeId) -> Entry:
    """A file or folder like another: of its versions it has the current one."""
    give_id, now, payer = context.tables.give_id, context.now, payers.name_payer(context.actor)
    contents = tuple(
        evolve(each, id=VersionId(give_id()), created_at=now, account=owner, payer=payer)
        for each in entry.contents[-1:]
    )
    return evolve(entry, id=NodeId(give_id()), parent=folder, created_at=now, updated_at=now, contents=contents)


def _make_folder(entry: Entry, path: DrivePath) -> Folder:
    return Folder(id=entry.id, path=path, created_at=entry.created_at, updated_at=entry.updated_at)
