"""
Everything below a folder, depth first, in the order of keys, by few statements.

The files and folders directly in a folder are read in batches. Before a folder is entered, all that is below it and the
folders after it is read by one statement, as long as that is little; a folder with more in it is gone into.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from attrs import define, field, frozen
from sqlalchemy import bindparam, exists, select

from cloudsvc.drive.names import Name
from cloudsvc.storage.catalogue.nodes import COLUMNS, WITH_VERSION, Row
from cloudsvc.storage.catalogue.schema import blob, node, tag, version
from cloudsvc.storage.catalogue.sight import Sight, format_ids
from cloudsvc.storage.database.constructs import is_among
from cloudsvc.storage.database.statements import Connection, compile_statement

_MOST_TOGETHER: Final = 256
"""Folders of which all that is below them is read at once."""

_LAST: Final = chr(0x10FFFF) * 256
"""After every key: keys are shorter."""

_is_tagged = exists().where(tag.c.node == node.c.id, tag.c.tag == bindparam("tag"))
_child = WITH_VERSION.add_columns(_is_tagged).where(node.c.parent == bindparam("parent")).limit(bindparam("most"))
_forwards = _child.where(node.c.key > bindparam("after")).order_by(node.c.key)
_backwards = _child.where(node.c.key < bindparam("after")).order_by(node.c.key.desc())
_FORWARDS: Final = compile_statement(_forwards)
_BACKWARDS: Final = compile_statement(_backwards)
_WAYS_FORWARDS: Final = compile_statement(_forwards.where(is_among(node.c.id, bindparam("ways"))))
_WAYS_BACKWARDS: Final = compile_statement(_backwards.where(is_among(node.c.id, bindparam("ways"))))

_below = select(node.c.id).where(is_among(node.c.parent, bindparam("ids"))).cte("below", recursive=True)
_below = _below.union_all(select(node.c.id).where(node.c.parent == _below.c.id))
_BELOW: Final = compile_statement(
    select(*COLUMNS, _is_tagged)
    .select_from(
        _below.join(node, node.c.id == _below.c.id)
        .outerjoin(version, version.c.id == node.c.version)
        .outerjoin(blob, blob.c.id == version.c.blob)
    )
    .limit(bindparam("most"))
)


@frozen
class Place:
    """A folder on the way down. Nobody asks for the name of the first, which has none above it."""

    id: int
    name: Name
    above: Place | None

    def enter(self, row: Row) -> Place:
        """The folder of ``row``, which is in this one."""
        return Place(row.id, Name(row.name, row.key), self)

    def list_names(self, *below: Name) -> tuple[Name, ...]:
        """The names from the first folder down to ``below``, which is in this one."""
        names, place = [*reversed(below)], self
        while place.above is not None:
            names.append(place.name)
            place = place.above
        return tuple(reversed(names))


class Step(NamedTuple):
    """A file or folder that is passed, the folder it is in, and whether it has the tag that is asked for."""

    row: Row
    place: Place
    is_tagged: bool


_Child = tuple[Row, bool]


@define
class Traversal:
    """
    One way through a tree.

    :ivar sight: what is seen of it.
    :ivar tag: the tag that is asked for, if any.
    :ivar batch: rows that are read at once.
    """

    _connection: Connection
    _sight: Sight
    _descending: bool
    _tag: str | None
    _batch: int
    _together: int = 8
    _entered: frozenset[int] = frozenset()
    _below: dict[int | None, list[_Child]] = field(factory=dict)

    def walk(self, place: Place, last: str | None) -> Iterator[Step]:
        """
        All that is below the first folder above ``place``, each folder before what is in it.

        :param place: where to begin.
        :param last: the key there after which to begin; ``None`` for the beginning.
        """
        while True:
            # One folder is open at a time, however deep it is; the one above is gone on with where it was left.
            children = self._read_children(place.id, last)
            for number, (row, is_tagged) in enumerate(children):
                yield Step(row, place, is_tagged)
                if row.is_file:
                    continue
                # Of what is below a folder on the way, not all is seen.
                if self._sight.is_way(row.id) or not self._read_below(children[number:]):
                    place, last = place.enter(row), None
                    break
                yield from self._descend(place.enter(row))
            else:
                if len(children) == self._batch:
                    last = children[-1][0].key
                elif place.above is None:
                    return
                else:
                    place, last = place.above, place.name.key

    def _read_children(self, folder: int, after: str | None) -> list[_Child]:
        start = (_LAST if after is None else after) if self._descending else after or ""
        given: dict[str, Any] = {"parent": folder, "after": start, "most": self._batch, "tag": self._tag}
        if self._sight.is_way(folder):
            statement = _WAYS_BACKWARDS if self._descending else _WAYS_FORWARDS
            given["ways"] = format_ids(self._sight.list_ways(folder))
        else:
            statement = _BACKWARDS if self._descending else _FORWARDS
        return list(map(_make_child, statement.rows(self._connection, **given)))

    def _read_below(self, children: Sequence[_Child]) -> bool:
        """Read all that is below the first folder of ``children``, and below more of them; whether that is little."""
        if children[0][0].id in self._entered:
            return True
        folders = [row.id for row, _ in children if not row.is_file and not self._sight.is_way(row.id)]
        self._entered = frozenset()
        self._below.clear()
        while True:
            group = folders[: self._together]
            found = list(_BELOW.rows(self._connection, ids=json.dumps(group), most=self._batch + 1, tag=self._tag))
            if len(found) <= self._batch:
                break
            self._together = max(1, len(group) // 8)
            if len(group) == 1:
                return False
        self._together = min(4 * self._together, _MOST_TOGETHER)
        self._entered = frozenset(group)
        for child in sorted(map(_make_child, found), key=_get_key, reverse=self._descending):
            self._below.setdefault(child[0].parent, []).append(child)
        return True

    def _descend(self, place: Place) -> Iterator[Step]:
        """All below ``place``, which has been read."""
        waiting = [(place, iter(self._below.get(place.id, [])))]
        while waiting:
            place, children = waiting[-1]
            for row, is_tagged in children:
                yield Step(row, place, is_tagged)
                if not row.is_file:
                    waiting.append((place.enter(row), iter(self._below.get(row.id, []))))
                    break
            else:
                waiting.pop()


def _make_child(found: tuple[Any, ...]) -> _Child:
    *row, is_tagged = found
    return Row(*row), bool(is_tagged)


def _get_key(child: _Child) -> str:
    return child[0].key
