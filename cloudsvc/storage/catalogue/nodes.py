"""Rows of the tree, and the files and folders that they stand for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from attrs import define, field, frozen
from sqlalchemy import BigInteger, bindparam, cast, func, literal_column, select

from cloudsvc.drive.names import MAX_PATH_BYTES, DrivePath, Name, parse_name
from cloudsvc.drive.nodes import Blob, BlobId, File, Folder, Instant, Node, NodeId, Version, VersionId
from cloudsvc.storage.catalogue.schema import FILE, PURGED, ROOT, TRASH, blob, node, tag, trash, version
from cloudsvc.storage.database.constructs import is_among, json_item
from cloudsvc.storage.database.statements import Connection, compile_statement


class Row(NamedTuple):
    """A node with its current version, as :data:`WITH_VERSION` selects it."""

    id: int
    parent: int | None
    key: str
    name: str
    kind: int
    created_at: Instant
    updated_at: Instant
    version: int | None
    media_type: str
    size: int
    blob: str
    digest: bytes | None
    crc32: int | None
    version_created_at: Instant
    modified_at: Instant

    @property
    def is_file(self) -> bool:
        return self.kind == FILE


_NO_VERSION: Final[tuple[Any, ...]] = (None,) * 8
"""What a row has of a version where there is none."""

MODIFIED_AT: Final = func.coalesce(version.c.modified_at, version.c.created_at)
"""When the content of a version was last changed."""

COLUMNS: Final = (
    node.c.id,
    node.c.parent,
    node.c.key,
    node.c.name,
    node.c.kind,
    node.c.created_at,
    node.c.updated_at,
    node.c.version,
    node.c.media_type,
    node.c.size,
    blob.c.id,
    blob.c.digest,
    blob.c.crc32,
    version.c.created_at,
    MODIFIED_AT,
)

WITH_VERSION: Final = select(*COLUMNS).select_from(
    node.outerjoin(version, version.c.id == node.c.version).outerjoin(blob, blob.c.id == version.c.blob)
)

_NODE: Final = compile_statement(WITH_VERSION.where(node.c.id == bindparam("id")))
_NODES: Final = compile_statement(WITH_VERSION.where(is_among(node.c.id, bindparam("ids"))))

# Of the type that ids have: PostgreSQL does not widen a number by itself there.
_top = cast(literal_column(str(ROOT)), BigInteger)
_chain = select(literal_column("0").label("depth"), _top.label("id")).cte("chain", recursive=True)
_chain = _chain.union_all(
    select(_chain.c.depth + literal_column("1"), node.c.id).where(
        node.c.parent == _chain.c.id, node.c.key == json_item(bindparam("keys"), _chain.c.depth)
    )
)
_CHAIN: Final = compile_statement(
    select(*COLUMNS, _chain.c.depth).select_from(
        _chain.join(node, node.c.id == _chain.c.id)
        .outerjoin(version, version.c.id == node.c.version)
        .outerjoin(blob, blob.c.id == version.c.blob)
    )
)
"""The nodes on the way to a path, from the root down, as far as there are any. A file has nothing below it."""

_above = (
    select(node.c.id, node.c.parent, node.c.name, node.c.key)
    .where(is_among(node.c.id, bindparam("ids")))
    .cte("above", recursive=True)
)
_above = _above.union(select(node.c.id, node.c.parent, node.c.name, node.c.key).where(node.c.id == _above.c.parent))
_ABOVE: Final = compile_statement(select(_above))
"""Some nodes and all that are above any of them, each once."""

_TAGS: Final = compile_statement(
    select(tag.c.node, tag.c.tag).where(is_among(tag.c.node, bindparam("ids"))).order_by(tag.c.node, tag.c.tag)
)
_TRASHED_PATHS: Final = compile_statement(
    select(trash.c.node, trash.c.path).where(is_among(trash.c.node, bindparam("ids")))
)

MOST_TEXT: Final = 1000 * MAX_PATH_BYTES
"""Characters that the paths on one page of files have together, where what moved has made them too long to be named."""

_PATHLESS: Final = frozenset({ROOT, TRASH, PURGED})
_REMEMBERED: Final = 20_000
"""Folders. Whoever comes by more than that looks them up again."""


@frozen
class Chain:
    """
    The way to a path: what stands on it, as far as there is something.

    :ivar names: those of the path.
    :ivar rows: the root first, then what each name stands for.
    """

    names: tuple[Name, ...]
    rows: tuple[Row, ...]

    @property
    def row(self) -> Row | None:
        """What is at the path, if anything."""
        return self.rows[-1] if len(self.rows) > len(self.names) else None

    @property
    def ids(self) -> tuple[int, ...]:
        """The nodes of the rows."""
        return tuple(row.id for row in self.rows)

    @property
    def path(self) -> DrivePath:
        """The path of the last row, with the names as they are kept."""
        return DrivePath(tuple(Name(row.name, row.key) for row in self.rows[1:]))


def find_chain(connection: Connection, path: DrivePath) -> Chain:
    """The way to ``path``, by one statement however deep that is."""
    keys = json.dumps([name.key for name in path.names])
    found = sorted(_CHAIN.rows(connection, keys=keys), key=itemgetter(-1))
    return Chain(path.names, tuple(Row(*row[:-1]) for row in found))


def format_chain(ids: Iterable[int]) -> str:
    """The nodes from the root down to one, as they are remembered: ``/1/5/9/`` holds ``/5/``."""
    return f"/{'/'.join(map(str, ids))}/"


def read_chain(text: str) -> tuple[int, ...]:
    """The nodes that :func:`format_chain` has formatted."""
    return tuple(int(each) for each in text.strip("/").split("/"))


def make_row(node_id: int, parent: int, name: Name, kind: int, now: Instant) -> Row:
    """The row of a node that has just been made, as it would be loaded."""
    return Row(node_id, parent, name.key, name.text, kind, now, now, *_NO_VERSION)


def load_row(connection: Connection, node_id: int) -> Row | None:
    """The row of this id."""
    found = _NODE.row(connection, id=node_id)
    return Row(*found) if found else None


def load_rows(connection: Connection, ids: Iterable[int]) -> dict[int, Row]:
    """The rows of these ids, by them."""
    return {row.id: row for row in map(Row._make, _NODES.rows(connection, ids=json.dumps([*ids])))}


def load_tags(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """The tags of files, in alphabetical order; those that have none are left out."""
    found: dict[int, tuple[str, ...]] = {}
    for node_id, each in _TAGS.rows(connection, ids=json.dumps([*ids])):
        found[node_id] = (*found.get(node_id, ()), each)
    return found


def make_version(
    epoch: str, number: int, content: Blob, media_type: str, *, created_at: Instant, modified_at: Instant
) -> Version:
    """A version with the validator that it has in this history."""
    return Version(
        id=VersionId(number),
        validator=make_validator(epoch, number),
        blob=content,
        media_type=media_type,
        created_at=created_at,
        modified_at=modified_at,
    )


def make_row_version(epoch: str, row: Row) -> Version:
    """The current version of the file that ``row`` stands for."""
    return make_version(
        epoch,
        row.version or 0,
        Blob(id=BlobId(row.blob), size=row.size, digest=row.digest, crc32=row.crc32),
        row.media_type,
        created_at=row.version_created_at,
        modified_at=row.modified_at,
    )


def make_validator(epoch: str, number: int | None) -> str:
    """What names a version in all histories."""
    return f"{epoch}-{number}"


def make_node(connection: Connection, epoch: str, row: Row, path: DrivePath) -> Node:
    """What ``row`` stands for, at ``path``."""
    [made] = make_nodes(connection, epoch, [(row, path)])
    return made


def make_nodes(connection: Connection, epoch: str, placed: Sequence[tuple[Row, DrivePath]]) -> list[Node]:
    """What rows stand for, each at its path. Their tags are looked up together."""
    files = [row.id for row, _ in placed if row.is_file]
    tags = load_tags(connection, files) if files else {}
    return [
        make_tagged_file(epoch, row, path, tags.get(row.id, ()))
        if row.is_file
        else Folder(id=NodeId(row.id), path=path, created_at=row.created_at, updated_at=row.updated_at)
        for row, path in placed
    ]


def make_file(connection: Connection, epoch: str, row: Row, path: DrivePath) -> File:
    """The file that ``row`` stands for, at ``path``."""
    [made] = make_files(connection, epoch, [(row, path)])
    return made


def make_files(connection: Connection, epoch: str, placed: Sequence[tuple[Row, DrivePath]]) -> list[File]:
    """As :func:`make_nodes`, of nothing but files."""
    tags = load_tags(connection, [row.id for row, _ in placed]) if placed else {}
    return [make_tagged_file(epoch, row, path, tags.get(row.id, ())) for row, path in placed]


def make_tagged_file(epoch: str, row: Row, path: DrivePath, tags: tuple[str, ...]) -> File:
    """The file that ``row`` stands for, at ``path``, with these tags."""
    return File(
        id=NodeId(row.id),
        path=path,
        version=make_row_version(epoch, row),
        tags=tags,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def read_path(text: str) -> DrivePath:
    """A path that is kept. It may be longer than one that is asked for, as names are spelt shorter or have moved."""
    return DrivePath(tuple(map(parse_name, text.split("/")))) if text else DrivePath()


@define
class Ancestry:
    """
    Where nodes are, remembered for as long as one question takes: one step for each folder, and but one whole path, as
    all of them would grow with the square of the depth.

    :ivar top: the folder that :meth:`holds` asks about.
    """

    _connection: Connection
    _top: int = ROOT
    _places: dict[int, tuple[int | None, Name]] = field(factory=dict)
    _held: dict[int | None, bool] = field(factory=dict)
    _last: tuple[int | None, DrivePath | None] = (None, None)

    def load(self, folders: Iterable[int | None]) -> None:
        """Look up where ``folders`` are, all of them by one statement: no further question about them asks again."""
        missing = {each for each in folders if each not in self._places} - _PATHLESS - {None}
        if missing:
            _bound(self._places)
            for node_id, parent, name, key in _ABOVE.rows(self._connection, ids=json.dumps([*missing])):
                self._places[node_id] = parent, Name(name, key)

    def find_folder(self, folder: int | None) -> DrivePath | None:
        """The path of a folder; ``None`` for what is in the trash or purged."""
        if folder is None or folder != self._last[0]:
            top, steps = self._climb(folder)
            self._last = folder, DrivePath(tuple(name for _, name in steps)) if top == ROOT else None
        return self._last[1]

    def find(self, row: Row) -> DrivePath | None:
        """The path of what ``row`` stands for; ``None`` where that is in the trash or purged."""
        if row.id == ROOT:
            return DrivePath()
        folder = self.find_folder(row.parent)
        return None if folder is None else folder / Name(row.name, row.key)

    def find_chain(self, row: Row) -> tuple[int, ...] | None:
        """The nodes from the root down to that of ``row``; ``None`` where that is in the trash or purged."""
        top, steps = self._climb(row.parent)
        return (ROOT, *(node_id for node_id, _ in steps), row.id) if top == ROOT else None

    def find_anywhere(self, rows: Sequence[Row]) -> list[DrivePath | None]:
        """The paths of what ``rows`` stand for, and those that things in the trash had; ``None`` where it is purged."""
        self.load(row.parent for row in rows)
        climbed = [self._climb(row.parent) for row in rows]
        # What lies in the trash has its own row directly there, or that of a folder above it.
        entries = [
            steps[0][0] if steps else row.id for row, (top, steps) in zip(rows, climbed, strict=True) if top == TRASH
        ]
        former = dict(_TRASHED_PATHS.rows(self._connection, ids=json.dumps(entries))) if entries else {}
        return [_join(row, top, steps, former) for row, (top, steps) in zip(rows, climbed, strict=True)]

    def holds(self, folder: int | None) -> bool:
        """Whether ``folder`` is the top one or somewhere below it."""
        steps: set[int | None] = set()
        # A folder that is met twice is in itself, as only a damaged catalogue has it, and so below nothing.
        while folder != self._top and folder not in self._held and folder not in steps:
            steps.add(folder)
            place = self._look_up(folder)
            if place is None:
                break
            folder = place[0]
        held = folder == self._top or self._held.get(folder, False)
        _bound(self._held)
        self._held.update(dict.fromkeys(steps, held))
        return held

    def _climb(self, folder: int | None) -> tuple[int | None, list[tuple[int, Name]]]:
        """
        The root, the trash or what is purged, whichever ``folder`` is in; and the steps from there down to it. What is
        in itself, as only a damaged catalogue has it, is in none of them.
        """
        steps: dict[int, Name] = {}
        while folder is not None and folder not in _PATHLESS:
            place = self._look_up(folder)
            if place is None or folder in steps:
                return None, []
            steps[folder] = place[1]
            folder = place[0]
        return folder, [*reversed(steps.items())]

    def _look_up(self, folder: int | None) -> tuple[int | None, Name] | None:
        """The folder above ``folder``, and its name; ``None`` where no path goes on."""
        if folder is None or folder in _PATHLESS:
            return None
        if folder not in self._places:
            self.load([folder])
        return self._places.get(folder)


def _join(row: Row, top: int | None, steps: Sequence[tuple[int, Name]], former: Mapping[int, str]) -> DrivePath | None:
    """The path of ``row``, which is ``steps`` below ``top``."""
    if row.id == ROOT:
        return DrivePath()
    names = [*steps, (row.id, Name(row.name, row.key))]
    if top == ROOT:
        return DrivePath(tuple(name for _, name in names))
    if top != TRASH or names[0][0] not in former:
        return None
    return DrivePath((*read_path(former[names[0][0]]).names, *(name for _, name in names[1:])))


def _bound(remembered: dict[Any, Any]) -> None:
    if len(remembered) >= _REMEMBERED:
        remembered.clear()
