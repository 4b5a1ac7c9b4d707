"""Changes of the tree that commands are made of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from sqlite3 import Connection
from typing import Final

from attrs import field, frozen
from sqlalchemy import bindparam, delete, insert, select, update

from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Condition
from cloudsvc.drive.errors import (
    already_exists,
    file_not_found,
    folder_not_found,
    is_file,
    node_not_found,
    root_is_fixed,
    too_many_nodes,
)
from cloudsvc.drive.names import Name, Path, fold_case
from cloudsvc.drive.nodes import File, Folder, Instant, Node
from cloudsvc.storage.catalogue.nodes import Ancestry, Row, find_child, find_row, load_row, make_node, make_validator
from cloudsvc.storage.catalogue.schema import FOLDER, ROOT, change, node, tag
from cloudsvc.storage.catalogue.statements import compile_statement

MAX_MADE: Final = 10_000
"""Files and folders that are made in one go; while they are, nobody else can write."""

_SPACE: Final = 1
"""The only one so far."""

_INSERT: Final = compile_statement(
    insert(node), "parent", "key", "name", "folded", "kind", "space", "created_at", "updated_at"
)
_PLACE: Final = compile_statement(
    update(node)
    .where(node.c.id == bindparam("node"))
    .values(
        parent=bindparam("new_parent"),
        key=bindparam("new_key"),
        name=bindparam("new_name"),
        folded=bindparam("new_folded"),
        updated_at=bindparam("now"),
    )
)
_HIDE: Final = compile_statement(
    update(node).where(node.c.id == bindparam("node")).values(parent=bindparam("root"), key=bindparam("new_key"))
)
_TOUCH: Final = compile_statement(
    update(node).where(node.c.id == bindparam("node")).values(updated_at=bindparam("now"))
)
_INSERT_TAG: Final = compile_statement(insert(tag), "node", "tag")
_DELETE_TAGS: Final = compile_statement(delete(tag).where(tag.c.node == bindparam("node")))
_COPY_TAGS: Final = compile_statement(
    insert(tag).from_select(
        ["node", "tag"], select(bindparam("copy"), tag.c.tag).where(tag.c.node == bindparam("original"))
    )
)
_INSERT_CHANGE: Final = compile_statement(insert(change), "kind", "node", "is_folder", "path", "source", "at", "actor")


@frozen(kw_only=True)
class Context:
    """
    What a command needs to know beside its own words.

    :ivar epoch: of this history; part of every validator.
    :ivar actor: the name of who does it.
    :ivar made: numbers of the files and folders that it makes, one command after the other.
    """

    connection: Connection
    now: Instant
    epoch: str
    actor: str
    made: Iterator[int] = field(factory=lambda: count(1))

    def note(self, kind: ChangeKind, row: Row, path: Path, source: Path | None = None) -> None:
        """Remember that something happened."""
        _INSERT_CHANGE.run(
            self.connection,
            kind=kind.value,
            node=row.id,
            is_folder=not row.is_file,
            path=str(path),
            source=None if source is None else str(source),
            at=self.now,
            actor=self.actor,
        )

    def check(self, condition: Condition, row: Row, path: Path) -> None:
        """
        See that ``condition`` holds of ``row``, which is at ``path``.

        :raises CloudError: it does not hold.
        """
        validator = make_validator(self.epoch, row.version) if row.is_file else None
        condition.check(path, validator, is_folder=not row.is_file)

    def load(self, node_id: int) -> Row:
        """The row of a node that is there."""
        row = load_row(self.connection, node_id)
        if row is None:
            raise LookupError(f"node {node_id}")
        return row

    def node(self, node_id: int, path: Path) -> Node:
        """What is at ``path`` now."""
        return make_node(self.connection, self.epoch, self.load(node_id), path)

    def locate(self, path: Path, kind: type[File] | type[Folder] | None = None) -> tuple[Row, Path]:
        """
        What is at ``path``, and the path with the names as they are kept.

        :raises CloudError: it is not there.
        """
        row = find_row(self.connection, path)
        if row is None or (kind is File and not row.is_file) or (kind is Folder and row.is_file):
            raise {File: file_not_found, Folder: folder_not_found, None: node_not_found}[kind](path)
        kept = Ancestry(self.connection).find(row)
        return row, path if kept is None else kept

    def open_place(self, path: Path) -> tuple[int, Path]:
        """
        The folder for something at ``path``, with those that were missing made, and its path.

        :raises CloudError: a file is where a folder should be, or it is the root that is asked for.
        """
        if not path:
            raise root_is_fixed()
        folder, kept = ROOT, Path()
        for name in path.parent.names:
            child = find_child(self.connection, folder, name)
            if child is None:
                folder = self.insert(folder, name, FOLDER)
                kept /= name
                self.note(ChangeKind.CREATED, self.load(folder), kept)
                continue
            kept /= Name(child.name, child.key)
            if child.is_file:
                raise is_file(kept)
            folder = child.id
        return folder, kept

    def claim_place(self, path: Path, mover: int | None = None) -> tuple[int, Path]:
        """
        As :meth:`open_place`, for something that must not be there yet, unless it is ``mover`` itself.

        :raises CloudError: it is.
        """
        folder, kept = self.open_place(path)
        taken = find_child(self.connection, folder, path.name)
        if taken is not None and taken.id != mover:
            raise already_exists(path)
        return folder, kept / path.name

    def insert(self, parent: int, name: Name, kind: int) -> int:
        """
        Make a node.

        :raises CloudError: so many are made together already that nobody else could write for too long.
        """
        if next(self.made) > MAX_MADE:
            raise too_many_nodes(MAX_MADE)
        inserted = _INSERT.run(
            self.connection,
            parent=parent,
            key=name.key,
            name=name.text,
            folded=fold_case(name.text),
            kind=kind,
            space=_SPACE,
            created_at=self.now,
            updated_at=self.now,
        ).lastrowid
        return inserted or 0

    def place(self, row: Row, parent: int, name: Name) -> None:
        """Put a node somewhere else."""
        _PLACE.run(
            self.connection,
            node=row.id,
            new_parent=parent,
            new_key=name.key,
            new_name=name.text,
            new_folded=fold_case(name.text),
            now=self.now,
        )

    def hide(self, row: Row, root: int, key: int) -> None:
        """Put a node below the trash or what is purged, where ``key`` is its name."""
        _HIDE.run(self.connection, node=row.id, root=root, new_key=str(key))

    def set_tags(self, row: Row, tags: tuple[str, ...]) -> None:
        """Give a file these tags and no others."""
        _DELETE_TAGS.run(self.connection, node=row.id)
        for each in tags:
            _INSERT_TAG.run(self.connection, node=row.id, tag=each)
        _TOUCH.run(self.connection, node=row.id, now=self.now)

    def copy_tags(self, original: int, copy: int) -> None:
        """Give a new file the tags of another."""
        _COPY_TAGS.run(self.connection, original=original, copy=copy)
