"""Commands that change the tree without touching contents."""

from __future__ import annotations

from collections import deque
from typing import Final

from sqlalchemy import bindparam, update

from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Copy, DateFile, EditTags, MadeFolder, MakeFolder, Move
from cloudsvc.drive.errors import into_itself, is_file, root_is_fixed, too_many_tags
from cloudsvc.drive.names import ROOT as ROOT_PATH
from cloudsvc.drive.names import Name
from cloudsvc.drive.nodes import File, Folder, Node
from cloudsvc.storage.catalogue.nodes import WITH_VERSION, Row, find_child, load_tags, make_file
from cloudsvc.storage.catalogue.schema import FOLDER, ROOT, node
from cloudsvc.storage.catalogue.statements import compile_statement
from cloudsvc.storage.catalogue.storing import copy_content
from cloudsvc.storage.catalogue.tree import Context

_DATE: Final = compile_statement(
    update(node)
    .where(node.c.id == bindparam("node"))
    .values(created_at=bindparam("created"), updated_at=bindparam("updated"))
)
_CHILDREN: Final = compile_statement(WITH_VERSION.where(node.c.parent == bindparam("parent")))


def make_folder(context: Context, command: MakeFolder) -> MadeFolder:
    """As the command says."""
    if not command.path:
        return MadeFolder(folder=_expect_folder(context.node(ROOT, ROOT_PATH)), created=False)
    parent, place = context.open_place(command.path)
    row = find_child(context.connection, parent, command.path.name)
    if row is None:
        command.condition.check(command.path, None)
        row = context.load(context.insert(parent, command.path.name, FOLDER))
        path = place / command.path.name
        context.note(ChangeKind.CREATED, row, path)
        return MadeFolder(folder=_expect_folder(context.node(row.id, path)), created=True)
    path = place / Name(row.name, row.key)
    if row.is_file:
        raise is_file(path)
    command.condition.check(path, None, is_folder=True)
    return MadeFolder(folder=_expect_folder(context.node(row.id, path)), created=False)


def move(context: Context, command: Move) -> Node:
    """As the command says."""
    if not command.path or not command.destination:
        raise root_is_fixed()
    row, source = context.locate(command.path, command.kind)
    context.check(command.condition, row, source)
    if command.destination != command.path and command.destination.is_within(command.path) and not row.is_file:
        raise into_itself(source)
    parent, path = context.claim_place(command.destination, mover=row.id)
    context.place(row, parent, path.name)
    context.note(ChangeKind.MOVED, row, path, source)
    return context.node(row.id, path)


def edit_tags(context: Context, command: EditTags) -> File:
    """As the command says."""
    row, path = context.locate(command.path, File)
    context.check(command.condition, row, path)
    before = load_tags(context.connection, row.id)
    after = tuple(sorted({*before, *command.add} - {*command.remove}))
    if len(after) > max(command.most, len(before)):
        raise too_many_tags(command.most)
    if after != before:
        context.set_tags(row, after)
        context.note(ChangeKind.CHANGED, row, path)
    return make_file(context.connection, context.epoch, context.load(row.id), path)


def date_file(context: Context, command: DateFile) -> File:
    """As the command says."""
    row, path = context.locate(command.path, File)
    _DATE.run(context.connection, node=row.id, created=command.created_at, updated=command.updated_at)
    if (command.created_at, command.updated_at) != (row.created_at, row.updated_at):
        context.note(ChangeKind.CHANGED, row, path)
    return make_file(context.connection, context.epoch, context.load(row.id), path)


def copy(context: Context, command: Copy) -> Node:
    """As the command says."""
    row, source = context.locate(command.source)
    if not command.destination:
        raise root_is_fixed()
    if not row.is_file and command.destination.is_within(command.source):
        raise into_itself(source)
    parent, path = context.claim_place(command.destination)
    made = _copy_one(context, row, parent, path.name)
    _copy_descendants(context, row, made)
    context.note(ChangeKind.CREATED, context.load(made), path)
    return context.node(made, path)


def _copy_descendants(context: Context, row: Row, made: int) -> None:
    waiting = deque([(row.id, made)])
    while waiting:
        original, made = waiting.popleft()
        for child in map(Row._make, _CHILDREN.run(context.connection, parent=original).fetchall()):
            copy_of_child = _copy_one(context, child, made, Name(child.name, child.key))
            if not child.is_file:
                waiting.append((child.id, copy_of_child))


def _copy_one(context: Context, row: Row, parent: int, name: Name) -> int:
    made = context.insert(parent, name, row.kind)
    if row.is_file:
        copy_content(context, row, made)
        context.copy_tags(row.id, made)
    return made


def _expect_folder(found: Node) -> Folder:
    if not isinstance(found, Folder):
        raise TypeError(f"{found.path} is no folder")
    return found
