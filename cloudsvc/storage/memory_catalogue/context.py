"""Tree changes that commands are made of."""

from __future__ import annotations

from attrs import evolve, field, frozen

from cloudsvc.core.actors import Actor
from cloudsvc.drive.bounds import Made, Recounted
from cloudsvc.drive.changes import Change, ChangeKind
from cloudsvc.drive.commands import Condition, State
from cloudsvc.drive.errors import already_exists, file_not_found, folder_not_found, node_not_found
from cloudsvc.drive.names import DrivePath, Name
from cloudsvc.drive.nodes import File, Folder, Instant, Node, NodeId, TrashId
from cloudsvc.storage.memory_catalogue.authorisation import Authorisation
from cloudsvc.storage.memory_catalogue.places import find_way
from cloudsvc.storage.memory_catalogue.sight import find_trail
from cloudsvc.storage.memory_catalogue.tables import Entry, Happening, Tables


@frozen(kw_only=True)
class Located:
    """
    What is at a path.

    :ivar path: with the names as they are kept.
    :ivar chain: the nodes from the root down to it.
    """

    entry: Entry
    path: DrivePath
    chain: tuple[int, ...]


@frozen(kw_only=True)
class Place:
    """
    Where something is to be.

    :ivar above: the nodes from the root down to the folder.
    :ivar path: the whole path, with the names as they are kept.
    :ivar told: the path of which the answer speaks; another one where the actor does not see what is there.
    :ivar taken: what is there already, if anything.
    """

    above: tuple[int, ...]
    path: DrivePath
    told: DrivePath
    taken: Entry | None

    @property
    def folder(self) -> NodeId:
        """The node of the folder."""
        return NodeId(self.above[-1])

    def hold(self, entry: Entry) -> Located:
        """What ``entry`` stands for, now that it is here."""
        return Located(entry=entry, path=self.path, chain=(*self.above, entry.id))


@frozen(kw_only=True)
class Context:
    """
    What a command needs to know beside its own words.

    :ivar tables: what it changes.
    :ivar authorisation: what it may do.
    :ivar made: counts the files and folders that it makes.
    :ivar recounted: counts what it brings to other accounts.
    :ivar noted: what has happened, which has no numbers yet.
    """

    tables: Tables
    now: Instant
    actor: Actor
    authorisation: Authorisation
    made: Made
    recounted: Recounted
    noted: list[Happening] = field(factory=list)

    def note(
        self,
        kind: ChangeKind,
        what: Located,
        source: Located | None = None,
        *,
        former_chain: tuple[int, ...] | None = None,
    ) -> None:
        """
        Remember that something happened.

        :param source: where it was before, if that is told.
        :param former_chain: the nodes down to it before, which decide to whom it is something new.
        """
        change = Change(
            number=0,
            kind=kind,
            node=what.entry.id,
            is_folder=not what.entry.is_file,
            path=what.path,
            source=None if source is None else source.path,
            at=self.now,
            actor=self.actor.name,
        )
        former_chain = former_chain if source is None else source.chain
        self.noted.append(Happening(change=change, chain=what.chain, former_chain=former_chain))

    def check(self, condition: Condition, entry: Entry, path: DrivePath) -> None:
        """
        See that ``condition`` holds of ``entry``, which is at ``path``.

        :raises CloudError: it does not hold.
        """
        state = State.of(self.tables.make_file(entry, path)) if entry.is_file else None
        condition.check(path, state, is_folder=not entry.is_file)

    def node(self, node: NodeId, path: DrivePath) -> Node:
        """What is at ``path`` now."""
        return self.tables.make_node(self.tables.nodes[node], path)

    def file(self, node: NodeId, path: DrivePath) -> File:
        """The file at ``path`` now."""
        return self.tables.make_file(self.tables.nodes[node], path)

    def locate(self, path: DrivePath, kind: type[File] | type[Folder] | None = None) -> Located:
        """
        What is at ``path``.

        :raises CloudError: it is not there, or the actor may not do with it what the command does.
        """
        trail = find_trail(self.tables, path)
        found = trail.found
        is_other = found is not None and kind is not None and found.is_file != (kind is File)
        if found is None or is_other or not self.authorisation.sees(trail.ids):
            raise {File: file_not_found, Folder: folder_not_found, None: node_not_found}[kind](path)
        self.authorisation.check_node(path, trail.ids)
        return Located(entry=found, path=trail.kept, chain=trail.ids)

    def open_place(self, path: DrivePath, touched: DrivePath | TrashId | None = None) -> Place:
        """
        The place for something at ``path``; folders that were missing on the way there are made.

        :param touched: what the command calls the path, where that is not the path itself.
        :raises CloudError: a file is where a folder should be, it is the root that is asked for, or the actor may make
            nothing there.
        """
        way = find_way(self.authorisation, path, path if touched is None else touched)
        trail = way.trail
        if trail.found is not None:
            return Place(above=trail.ids[:-1], path=trail.kept, told=trail.kept, taken=trail.found)
        above, kept = trail.ids, trail.kept
        for name in trail.path.names[len(trail.entries) - 1 : -1]:
            folder = self.insert(NodeId(above[-1]), name, is_file=False)
            above, kept = (*above, folder.id), kept / name
            self.note(ChangeKind.CREATED, Located(entry=folder, path=kept, chain=above))
        kept /= trail.path.name
        return Place(above=above, path=kept, told=kept if way.told is None else way.told, taken=None)

    def claim_place(
        self, path: DrivePath, touched: DrivePath | TrashId | None = None, *, mover: NodeId | None = None
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

    def insert(self, parent: NodeId, name: Name, *, is_file: bool) -> Entry:
        """
        Make a file, which has no content yet, or a folder.

        :raises CloudError: so many are made together already that nobody else could write for too long.
        """
        self.made.add(1)
        entry = Entry(
            id=NodeId(self.tables.give_id()),
            parent=parent,
            name=name,
            is_file=is_file,
            created_at=self.now,
            updated_at=self.now,
        )
        self.tables.put(entry)
        return entry

    def place(self, entry: Entry, place: Place) -> None:
        """Put a file or folder somewhere else."""
        self.tables.put(evolve(entry, parent=place.folder, name=place.path.name, updated_at=self.now))
