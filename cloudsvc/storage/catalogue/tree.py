"""Tree changes that commands are made of."""

from __future__ import annotations

from typing import Any, Final

from attrs import evolve, field, frozen
from sqlalchemy import bindparam, delete, insert, select, update

from cloudsvc.core.actors import Actor
from cloudsvc.drive.bounds import Made, Recounted
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Command, Condition, State
from cloudsvc.drive.errors import (
    already_exists,
    file_not_found,
    folder_not_found,
    node_not_found,
)
from cloudsvc.drive.names import DrivePath, Name, fold_case
from cloudsvc.drive.nodes import File, Folder, Instant, Node, TrashId
from cloudsvc.storage.catalogue.authorisation import Authorisation
from cloudsvc.storage.catalogue.name_index import choose_index
from cloudsvc.storage.catalogue.nodes import (
    Chain,
    Row,
    find_chain,
    format_chain,
    load_row,
    make_node,
    make_row,
    make_validator,
)
from cloudsvc.storage.catalogue.places import Located, Place, find_way
from cloudsvc.storage.catalogue.schema import FOLDER, node, tag
from cloudsvc.storage.catalogue.surroundings import Surroundings
from cloudsvc.storage.database.statements import Connection, compile_statement

_INSERT: Final = compile_statement(
    insert(node).returning(node.c.id), "parent", "key", "name", "folded", "kind", "created_at", "updated_at"
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


@frozen(kw_only=True)
class Context:
    """
    What a command needs to know beside its own words.

    :ivar epoch: of this history; part of every validator.
    :ivar actor: who does it.
    :ivar made: counts the files and folders that it makes.
    :ivar recounted: counts what it brings to other accounts.
    :ivar surroundings: the folders around those with a quota.
    :ivar noted: the changes that it makes, which have no numbers yet.
    :ivar authorisation: what it may do; nothing, before it begins.
    """

    connection: Connection
    now: Instant
    epoch: str
    actor: Actor
    made: Made = field(factory=Made)
    recounted: Recounted = field(factory=Recounted)
    surroundings: Surroundings = field(factory=Surroundings)
    noted: list[dict[str, Any]] = field(factory=list)
    authorisation: Authorisation = field()

    @authorisation.default
    def _authorise_nothing(self) -> Authorisation:
        return Authorisation(connection=self.connection, actor=self.actor, touches=tuple)

    def begin(self, command: Command) -> Context:
        """For ``command``: it may do what it says."""
        if self.authorisation.is_unlimited:
            return self
        authorisation = Authorisation(connection=self.connection, actor=self.actor, touches=command.touches)
        return evolve(self, authorisation=authorisation)

    def note(
        self,
        kind: ChangeKind,
        what: Located,
        source: Located | None = None,
        *,
        former_chain: tuple[int, ...] | None = None,
    ) -> None:
        """
        Remember that something happened, to be recorded when all is done.

        :param source: where it was before, if that is told.
        :param former_chain: the nodes down to it before, which decide to whom it is something new.
        """
        row, path, chain = what
        former_chain = former_chain if source is None else source.chain
        self.noted.append(
            {
                "kind": kind.value,
                "node": row.id,
                "is_folder": int(not row.is_file),
                "path": str(path),
                "source": None if source is None else str(source.path),
                "at": self.now,
                "actor": self.actor.name,
                "chain": format_chain(chain),
                "source_chain": None if former_chain is None else format_chain(former_chain),
            }
        )

    def check(self, condition: Condition, row: Row, path: DrivePath) -> None:
        """
        See that ``condition`` holds of ``row``, which is at ``path``.

        :raises CloudError: it does not hold.
        """
        condition.check(path, self.describe(row) if row.is_file else None, is_folder=not row.is_file)

    def describe(self, row: Row) -> State:
        """What conditions ask of the file that ``row`` stands for."""
        validator = make_validator(self.epoch, row.version)
        return State(validator=validator, updated_at=row.updated_at, stored_at=row.version_created_at)

    def load(self, node_id: int) -> Row:
        """The row of a node that is there."""
        row = load_row(self.connection, node_id)
        if row is None:
            raise LookupError(f"node {node_id}")
        return row

    def node(self, node_id: int, path: DrivePath) -> Node:
        """What is at ``path`` now."""
        return make_node(self.connection, self.epoch, self.load(node_id), path)

    def locate(self, path: DrivePath, kind: type[File] | type[Folder] | None = None) -> Located:
        """
        What is at ``path``.

        :raises CloudError: it is not there, or the actor may not do with it what the command does.
        """
        chain = find_chain(self.connection, path)
        row = chain.row
        is_other = row is None or (kind is File and not row.is_file) or (kind is Folder and row.is_file)
        if row is None or is_other or not self.authorisation.sees(chain.ids):
            raise {File: file_not_found, Folder: folder_not_found, None: node_not_found}[kind](path)
        self.authorisation.check_node(path, chain.ids)
        return Located(row, chain.path, chain.ids)

    def open_place(self, path: DrivePath, touched: DrivePath | TrashId | None = None) -> Place:
        """
        The place for something at ``path``; folders that were missing on the way there are made.

        :param touched: what the command calls the path, where that is not the path itself.
        :raises CloudError: a file is where a folder should be, it is the root that is asked for, or the actor may make
            nothing there.
        """
        way = find_way(self.connection, self.authorisation, path, touched)
        chain = way.chain
        if chain.row is not None:
            return Place(above=chain.ids[:-1], path=chain.path, told=chain.path, taken=chain.row)
        above, kept = self._make_folders(chain)
        kept /= chain.names[-1]
        return Place(above=above, path=kept, told=kept if way.told is None else way.told, taken=None)

    def _make_folders(self, chain: Chain) -> tuple[tuple[int, ...], DrivePath]:
        """Make the folders that ``chain`` lacks but for its last name; the nodes down to the last, and its path."""
        above, kept = chain.ids, chain.path
        for name in chain.names[len(chain.rows) - 1 : -1]:
            folder = self.insert(above[-1], name, FOLDER)
            above, kept = (*above, folder.id), kept / name
            self.note(ChangeKind.CREATED, Located(folder, kept, above))
        return above, kept

    def claim_place(
        self, path: DrivePath, touched: DrivePath | TrashId | None = None, *, mover: int | None = None
    ) -> Place:
        """
        As :meth:`open_place`, for something that must not be there yet, unless it is ``mover`` itself.

        :raises CloudError: it is.
        """
        place = self.open_place(path, touched)
        if place.taken is None:
            return place
        if place.taken.id != mover:
            raise already_exists(path)
        spelt = place.path.parent / path.name
        return evolve(place, path=spelt, told=spelt)

    def insert(self, parent: int, name: Name, kind: int) -> Row:
        """
        Make a node, which has no version yet.

        :raises CloudError: so many are made together already that nobody else could write for too long.
        """
        self.made.add(1)
        inserted: int = _INSERT.value(
            self.connection,
            parent=parent,
            key=name.key,
            name=name.text,
            folded=fold_case(name.text),
            kind=kind,
            created_at=self.now,
            updated_at=self.now,
        )
        return make_row(inserted, parent, name, kind, self.now)

    def place(self, row: Row, parent: int, name: Name) -> None:
        """Put a node somewhere else."""
        is_renamed = name.text != row.name
        if is_renamed:
            choose_index(self.connection).remove(self.connection, row.id)
        _PLACE.run(
            self.connection,
            node=row.id,
            new_parent=parent,
            new_key=name.key,
            new_name=name.text,
            new_folded=fold_case(name.text),
            now=self.now,
        )
        self.surroundings.move(row.id)
        if is_renamed:
            choose_index(self.connection).add(self.connection, row.id)

    def hide(self, row: Row, root: int, key: int) -> None:
        """Put a node below the trash or what is purged, where ``key`` is its name."""
        _HIDE.run(self.connection, node=row.id, root=root, new_key=str(key))
        self.surroundings.move(row.id)

    def set_tags(self, row: Row, tags: tuple[str, ...]) -> None:
        """Give a file these tags and no others."""
        _DELETE_TAGS.run(self.connection, node=row.id)
        for each in tags:
            _INSERT_TAG.run(self.connection, node=row.id, tag=each)
        self.touch(row)

    def touch(self, row: Row) -> None:
        """Say that something of a node has changed."""
        _TOUCH.run(self.connection, node=row.id, now=self.now)

    def copy_tags(self, original: int, copy: int) -> None:
        """Give a new file the tags of another."""
        _COPY_TAGS.run(self.connection, original=original, copy=copy)
