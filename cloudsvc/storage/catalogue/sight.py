"""
The part of the tree that an actor sees, at one moment.

Everything in a granted folder is seen. So are the folders on the way to it, as folders with that one child. What else
there is does not exist for this actor. A grant sleeps while its folder is in the trash.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from attrs import field, frozen
from sqlalchemy import Column, ColumnElement, String, bindparam, func, literal_column, select

from cloudsvc.core.actors import Actor
from cloudsvc.drive.catalogue import Location
from cloudsvc.drive.names import DrivePath, Name
from cloudsvc.drive.nodes import ROOT_ID, Instant, NodeId
from cloudsvc.drive.permissions import Right, find_folders, is_permitted_everywhere
from cloudsvc.storage.catalogue.nodes import Chain, Row, find_chain
from cloudsvc.storage.catalogue.schema import ROOT, node
from cloudsvc.storage.database.constructs import is_among, shares_number
from cloudsvc.storage.database.statements import Connection, compile_statement

_above = (
    select(node.c.id, node.c.parent, node.c.name, node.c.key, node.c.created_at, node.c.updated_at)
    .where(is_among(node.c.id, bindparam("granted")))
    .cte("above", recursive=True)
)
_above = _above.union(
    select(node.c.id, node.c.parent, node.c.name, node.c.key, node.c.created_at, node.c.updated_at).join(
        _above, node.c.id == _above.c.parent
    )
)
_ABOVE: Final = compile_statement(select(_above))


class _Place(NamedTuple):
    """A folder that is granted, or on the way to one."""

    id: int
    parent: int | None
    name: str
    key: str
    created_at: Instant
    updated_at: Instant


@frozen(kw_only=True)
class Sight:
    """
    What an actor sees.

    :ivar sees_all: whether that is everything: then nobody has to ask for anything else.
    :ivar granted: the folders that the actor may look into, without those in the trash.
    """

    sees_all: bool = False
    granted: frozenset[int] = frozenset()
    _places: Mapping[int, _Place] = field(factory=dict)

    def sees(self, chain: Iterable[int]) -> bool:
        """Whether everything in the last folder of ``chain``, which begins at the root, is seen."""
        return self.sees_all or not self.granted.isdisjoint(chain)

    def is_way(self, folder: int) -> bool:
        """Whether ``folder`` is seen for what is somewhere below it, and nothing else of it."""
        return folder in self._ways

    def list_ways(self, folder: int) -> frozenset[int]:
        """What is seen of a folder on the way: the next ones."""
        return self._ways.get(folder, frozenset())

    def list_tops(self, folder: int) -> frozenset[int]:
        """The folders below one on the way into which the actor may look, without those that are in one of them."""
        tops: set[int] = set()
        pending = [folder]
        while pending:
            ways = self._ways.get(pending.pop(), frozenset())
            tops |= ways & self.granted
            pending += ways - self.granted
        return frozenset(tops)

    def reduce(self, row: Row) -> Row:
        """
        ``row`` as the actor is told of it. The moments of a folder on the way would tell of what happened before or
        beside what is granted. So they are the first and the last of the granted folders below it.
        """
        if not self.is_way(row.id):
            return row
        tops = [self._places[top] for top in self.list_tops(row.id)]
        return row._replace(
            created_at=min((top.created_at for top in tops), default=0),
            updated_at=max((top.updated_at for top in tops), default=0),
        )

    def tell(self, path: DrivePath, chain: Sequence[int]) -> DrivePath:
        """
        The path that something seen had, with ``chain`` from the root down to it, as the actor is told: from the place
        on where the granted folder is now. Where that one was before is not the actor's to know.
        """
        if self.sees_all:
            return path
        depth, folder = next((depth, each) for depth, each in enumerate(chain) if each in self.granted)
        return DrivePath((*self.find_path(folder).names, *path.names[depth:]))

    @property
    def ways(self) -> frozenset[int]:
        """All folders on the way, the root among them."""
        return frozenset(self._ways)

    @property
    def outline(self) -> Hashable:
        """What is equal for as long as the same is seen at the same paths."""
        places = frozenset((place.id, place.parent, place.name) for place in self._places.values())
        return self.sees_all, self.granted, places

    def find_beginnings(self, arrived: Mapping[int, int]) -> Mapping[int, int]:
        """
        Of each folder on the way, the number of the change since which it has been on the way to what is granted now.

        :param arrived: the changes with which folders came to where they are, without those that are too long ago to
            matter.
        """
        beginnings: dict[int, int] = {}
        for top in self.granted:
            last = 0
            for place in self._climb(top):
                if self.is_way(place.id):
                    beginnings[place.id] = min(last, beginnings.get(place.id, last))
                last = max(last, arrived.get(place.id, 0))
        return beginnings

    def find_path(self, folder: int) -> DrivePath:
        """The path of a folder that is granted or on the way."""
        return DrivePath(tuple(reversed([Name(place.name, place.key) for place in self._climb(folder)])))

    def locate(self, folder: int) -> Location:
        """Where a folder is that is granted or on the way."""
        chain = [NodeId(place.id) for place in self._climb(folder)]
        return Location(chain=(ROOT_ID, *reversed(chain)), path=self.find_path(folder))

    @cached_property
    def _ways(self) -> Mapping[int, frozenset[int]]:
        """Folders that are seen, but not into; and of each, the next ones."""
        ways: dict[int, set[int]] = {} if self.sees_all else {ROOT: set()}
        for top in self.granted - {ROOT}:
            steps = [place.id for place in self._climb(top)]
            if self.granted.isdisjoint(steps[1:]):
                for below, folder in zip(steps, [*steps[1:], ROOT], strict=True):
                    ways.setdefault(folder, set()).add(below)
        return {folder: frozenset(below) for folder, below in ways.items()}

    def _climb(self, folder: int | None) -> Iterator[_Place]:
        """``folder`` and those above it, without the root."""
        while folder is not None and folder != ROOT:
            yield (place := self._places[folder])
            folder = place.parent


_SLASH: Final[ColumnElement[str]] = literal_column("'/'")

EVERYTHING: Final = Sight(sees_all=True, granted=frozenset({ROOT}))
"""What those see who may look into the root."""


def look(connection: Connection, granted: frozenset[int]) -> Sight:
    """
    What somebody sees who may look into the folders ``granted``, in one statement, or in none for who sees everything.

    It holds for as long as the transaction in which it was asked for reads from the same moment.
    """
    if ROOT in granted:
        return EVERYTHING
    if not granted:
        return Sight()
    places = {row[0]: _Place(*row) for row in _ABOVE.rows(connection, granted=format_ids(granted))}
    awake = frozenset(folder for folder in granted if _leads_to_root(places, folder))
    return Sight(granted=awake, places=places)


def locate(connection: Connection, nodes: Collection[NodeId]) -> Mapping[NodeId, Location]:
    """As :meth:`cloudsvc.drive.catalogue.Tree.locate`."""
    sight = look(connection, frozenset(nodes) - {ROOT})
    found = {NodeId(node): sight.locate(node) for node in sight.granted}
    return found | {ROOT_ID: Location(chain=(ROOT_ID,), path=DrivePath())} if ROOT in nodes else found


def look_as(connection: Connection, actor: Actor) -> Sight:
    """What ``actor`` sees, as :func:`look`."""
    return EVERYTHING if is_permitted_everywhere(actor, Right.SEE) else look(connection, find_folders(actor, Right.SEE))


def find_seen(connection: Connection, path: DrivePath, sight: Sight) -> Chain:
    """As :func:`find_chain`, as far as the way to ``path`` is seen."""
    chain = find_chain(connection, path)
    if sight.sees_all:
        return chain
    rows: list[Row] = []
    for row in chain.rows:
        if row.id in sight.granted:
            return Chain(chain.names, (*rows, *chain.rows[len(rows) :]))
        if not sight.is_way(row.id):
            break
        rows.append(sight.reduce(row))
    return Chain(chain.names, tuple(rows))


def _leads_to_root(places: Mapping[int, _Place], folder: int) -> bool:
    """Whether ``folder`` is below the root: not in the trash, nor in itself, as only a damaged catalogue has it."""
    met: set[int] = set()
    place = places.get(folder)
    while place is not None and place.id != ROOT and place.id not in met:
        met.add(place.id)
        place = None if place.parent is None else places.get(place.parent)
    return place is not None and place.id == ROOT


def holds_any(chain: Column[str], granted: str) -> ColumnElement[bool]:
    """
    Whether a remembered chain has one of some folders in it. That costs what its depth is, however many they are.

    :param granted: the name of a parameter: their ids, as JSON.
    """
    inner = func.replace(func.trim(chain, _SLASH), _SLASH, literal_column("','"))
    return shares_number(literal_column("'['", String).concat(inner).concat(literal_column("']'")), bindparam(granted))


def format_ids(ids: Iterable[int]) -> str:
    """Ids as the parameter of a statement."""
    return json.dumps(sorted(ids))
