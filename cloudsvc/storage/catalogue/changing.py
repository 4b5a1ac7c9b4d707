"""Commands that change the tree without touching contents."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, update

from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Copy, DateFile, EditTags, MadeFolder, MakeFolder, Move
from cloudsvc.drive.errors import destination_inside_source, is_file, root_immutable, too_many_tags
from cloudsvc.drive.nodes import File, Folder, Node
from cloudsvc.storage.catalogue import payers
from cloudsvc.storage.catalogue.accounts import bring_to_account, check_quota, find_owner
from cloudsvc.storage.catalogue.copying import copy_contents
from cloudsvc.storage.catalogue.nodes import load_tags, make_file, make_node
from cloudsvc.storage.catalogue.schema import FOLDER, node
from cloudsvc.storage.catalogue.storing import copy_content
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.database.statements import compile_statement

_DATE: Final = compile_statement(
    update(node)
    .where(node.c.id == bindparam("node"))
    .values(created_at=bindparam("created"), updated_at=bindparam("updated"))
)


def make_folder(context: Context, command: MakeFolder) -> MadeFolder:
    """As the command says."""
    if not command.path:
        root = context.locate(command.path)
        return MadeFolder(folder=_expect_folder(context.node(root.row.id, root.path)), created=False)
    place = context.open_place(command.path)
    row = place.taken
    if row is None:
        command.condition.check(command.path, None)
        row = context.insert(place.folder, place.path.name, FOLDER)
        context.note(ChangeKind.CREATED, place.hold(row))
        made = make_node(context.connection, context.epoch, row, place.told)
        return MadeFolder(folder=_expect_folder(made), created=True)
    if row.is_file:
        raise is_file(place.told)
    command.condition.check(place.told, None, is_folder=True)
    return MadeFolder(folder=_expect_folder(context.node(row.id, place.told)), created=False)


def move(context: Context, command: Move) -> Node:
    """As the command says."""
    if not command.path or not command.destination:
        raise root_immutable()
    source = context.locate(command.path, command.kind)
    row = source.row
    context.check(command.condition, row, source.path)
    if command.destination != command.path and command.destination.is_within(command.path) and not row.is_file:
        raise destination_inside_source(source.path)
    place = context.claim_place(command.destination, mover=row.id)
    # The place may lie beside the path that was asked for.
    if row.id in place.above:
        raise destination_inside_source(source.path)
    context.place(row, place.folder, place.path.name)
    bring_to_account(context, row.id, find_owner(context.connection, source.chain), place.hold(row).chain)
    context.note(ChangeKind.MOVED, place.hold(row), source)
    return context.node(row.id, place.told)


def edit_tags(context: Context, command: EditTags) -> File:
    """As the command says."""
    file = context.locate(command.path, File)
    row, path = file.row, file.path
    context.check(command.condition, row, path)
    before = load_tags(context.connection, [row.id]).get(row.id, ())
    after = tuple(sorted({*before, *command.add} - {*command.remove}))
    if len(after) > max(command.most, len(before)):
        raise too_many_tags(command.most)
    if after != before:
        context.set_tags(row, after)
        context.note(ChangeKind.CHANGED, file)
    return make_file(context.connection, context.epoch, context.load(row.id), path)


def date_file(context: Context, command: DateFile) -> File:
    """As the command says."""
    file = context.locate(command.path, File)
    row = file.row
    _DATE.run(context.connection, node=row.id, created=command.created_at, updated=command.updated_at)
    if (command.created_at, command.updated_at) != (row.created_at, row.updated_at):
        context.note(ChangeKind.CHANGED, file)
    return make_file(context.connection, context.epoch, context.load(row.id), file.path)


def copy(context: Context, command: Copy) -> Node:
    """As the command says."""
    row, source, _ = context.locate(command.source)
    if not command.destination:
        raise root_immutable()
    if not row.is_file and command.destination.is_within(command.source):
        raise destination_inside_source(source)
    place = context.claim_place(command.destination)
    if row.id in place.above:
        raise destination_inside_source(source)
    made, owner = context.insert(place.folder, place.path.name, row.kind), find_owner(context.connection, place.above)
    if row.is_file:
        copy_content(context, row, made, owner)
        context.copy_tags(row.id, made.id)
    else:
        copy_contents(context, row.id, made.id, owner)
    check_quota(context.connection, owner)
    payers.check_quota(context.connection, context.actor, owner)
    context.note(ChangeKind.CREATED, place.hold(made))
    return context.node(made.id, place.told)


def _expect_folder(found: Node) -> Folder:
    if not isinstance(found, Folder):
        raise TypeError(f"{found.path} is no folder")
    return found
