"""The part of the tree that an actor sees: the granted folders, and the way to them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from itertools import pairwise

from attrs import evolve, field, frozen

from cloudsvc.core.actors import Actor
from cloudsvc.drive.catalogue import Location
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import ROOT_ID, NodeId
from cloudsvc.drive.permissions import Right, find_folders, is_permitted_everywhere
from cloudsvc.storage.memory_catalogue.tables import Entry, Happening, Tables

_ARRIVALS = frozenset({ChangeKind.CREATED, ChangeKind.RESTORED})


@frozen(kw_only=True)
class Sight:
    """
    What an actor sees.

    :ivar granted: the folders that the actor may look into, without those in the trash.
    :ivar ways: the folders that are seen, but not into, and of each the next ones.
    """

    tables: Tables
    sees_all: bool = False
    granted: frozenset[int] = frozenset()
    ways: Mapping[int, frozenset[int]] = field(factory=dict)

    def sees(self, chain: Collection[int]) -> bool:
        """Whether everything in the last folder of ``chain``, which begins at the root, is seen."""
        return self.sees_all or not self.granted.isdisjoint(chain)

    def is_way(self, folder: int) -> bool:
        """Whether ``folder`` is seen for what is somewhere below it, and nothing else of it."""
        return folder in self.ways

    def list_children(self, folder: NodeId) -> list[Entry]:
        """What is seen directly in a folder that is seen, by key."""
        children = self.tables.list_children(folder)
        if self.is_way(folder):
            children = [self.reduce(child) for child in children if child.id in self.ways[folder]]
        return children

    def walk(self, folder: NodeId) -> Iterator[Entry]:
        """All that is seen below a folder that is seen, each folder before what is in it."""
        waiting = self.list_children(folder)
        while waiting:
            yield (entry := waiting.pop())
            waiting += self.list_children(entry.id)

    def list_tops(self, folder: int) -> frozenset[int]:
        """The folders below one on the way into which the actor may look, without those that are in one of them."""
        tops: set[int] = set()
        for below in self.ways.get(folder, frozenset()):
            tops |= {below} if below in self.granted else self.list_tops(below)
        return frozenset(tops)

    def reduce(self, entry: Entry) -> Entry:
        """``entry`` as the actor is told of it: of a folder on the way, the moments of what is granted below it."""
        if not self.is_way(entry.id):
            return entry
        tops = [self.tables.nodes[NodeId(top)] for top in self.list_tops(entry.id)]
        return evolve(
            entry,
            created_at=min((top.created_at for top in tops), default=0),
            updated_at=max((top.updated_at for top in tops), default=0),
        )

    def tell(self, path: DrivePath, chain: Sequence[int]) -> DrivePath:
        """The path that something seen had, from the place on where the granted folder in ``chain`` is now."""
        if self.sees_all:
            return path
        depth, folder = next((depth, each) for depth, each in enumerate(chain) if each in self.granted)
        return DrivePath((*self.tables.find_path(NodeId(folder)).names, *path.names[depth:]))

    @property
    def outline(self) -> Hashable:
        """What is equal for as long as the same is seen at the same paths."""
        places = {folder: self.tables.find_path(NodeId(folder)) for folder in self.granted - {ROOT_ID}}
        return self.sees_all, self.granted, tuple((folder, str(path)) for folder, path in sorted(places.items()))

    def find_beginnings(self, happenings: Collection[Happening]) -> Mapping[int, int]:
        """Of each folder on the way, the number of the change since which it has been on the way to what is granted."""
        arrived = {each.change.node: each.change.number for each in happenings if _brings(each)}
        beginnings: dict[int, int] = {}
        for top in self.granted:
            last = 0
            for entry in reversed(self.tables.climb(NodeId(top))):
                if self.is_way(entry.id):
                    beginnings[entry.id] = min(last, beginnings.get(entry.id, last))
                last = max(last, arrived.get(entry.id, 0))
        return beginnings


@frozen(kw_only=True)
class Trail:
    """
    The way to a path: what stands on it, as far as there is something.

    :ivar path: the one that is looked for.
    :ivar entries: the root first, then what each name stands for.
    """

    path: DrivePath
    entries: tuple[Entry, ...]

    @property
    def found(self) -> Entry | None:
        """What is at the path, if anything."""
        return self.entries[-1] if len(self.entries) > len(self.path.names) else None

    @property
    def ids(self) -> tuple[int, ...]:
        """The nodes of the entries."""
        return tuple(entry.id for entry in self.entries)

    @property
    def kept(self) -> DrivePath:
        """The path of the last entry, with the names as they are kept."""
        return DrivePath(tuple(entry.name for entry in self.entries[1:]))


def find_trail(tables: Tables, path: DrivePath) -> Trail:
    """The way to ``path``."""
    entries = [tables.nodes[ROOT_ID]]
    for name in path.names:
        below = tables.children.get(entries[-1].id, {}).get(name.key)
        if below is None:
            break
        entries.append(tables.nodes[below])
    return Trail(path=path, entries=tuple(entries))


def find_seen(path: DrivePath, sight: Sight) -> Trail:
    """The way to ``path``, as far as it is seen."""
    trail = find_trail(sight.tables, path)
    if sight.sees_all:
        return trail
    seen: list[Entry] = []
    for depth, entry in enumerate(trail.entries, 1):
        if not sight.sees(trail.ids[:depth]) and not sight.is_way(entry.id):
            break
        seen.append(sight.reduce(entry))
    return evolve(trail, entries=tuple(seen))


def look(tables: Tables, folders: frozenset[int]) -> Sight:
    """What somebody sees who may look into ``folders``."""
    if ROOT_ID in folders:
        return Sight(tables=tables, sees_all=True, granted=frozenset({ROOT_ID}))
    chains = {folder: chain for folder in folders if (chain := tables.find_chain(folder)) is not None}
    ways: dict[int, frozenset[int]] = {ROOT_ID: frozenset()}
    for chain in chains.values():
        if chains.keys().isdisjoint(chain[:-1]):
            for above, below in pairwise(chain):
                ways[above] = ways.get(above, frozenset()) | {below}
    return Sight(tables=tables, granted=frozenset(chains), ways=ways)


def locate(tables: Tables, nodes: Collection[NodeId]) -> Mapping[NodeId, Location]:
    """As :meth:`cloudsvc.drive.catalogue.Tree.locate`."""
    chains = {node: chain for node in nodes if (chain := tables.find_chain(node)) is not None}
    return {
        node: Location(chain=tuple(map(NodeId, chain)), path=tables.find_path(node)) for node, chain in chains.items()
    }


def look_as(tables: Tables, actor: Actor) -> Sight:
    """What ``actor`` sees."""
    everything = is_permitted_everywhere(actor, Right.SEE)
    return look(tables, frozenset({ROOT_ID}) if everything else find_folders(actor, Right.SEE))


def _brings(happening: Happening) -> bool:
    """Whether with it something came to the folder it is in."""
    kind = happening.change.kind
    return kind in _ARRIVALS or (kind is ChangeKind.MOVED and happening.former_chain != happening.chain)
