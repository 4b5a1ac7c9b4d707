"""Rows of the tree, and the files and folders that they stand for."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any, Final, NamedTuple

from attrs import define, field
from sqlalchemy import bindparam, select

from cloudsvc.drive.names import MAX_PATH_BYTES, Name, Path, parse_name
from cloudsvc.drive.nodes import Blob, BlobId, File, Folder, Instant, Node, NodeId, Version, VersionId
from cloudsvc.storage.catalogue.schema import FILE, PURGED, ROOT, TRASH, blob, node, tag, trash, version
from cloudsvc.storage.catalogue.statements import compile_statement


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
    digest: bytes
    version_created_at: Instant

    @property
    def is_file(self) -> bool:
        return self.kind == FILE


_COLUMNS: Final = (
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
    version.c.created_at,
)

WITH_VERSION: Final = select(*_COLUMNS).select_from(
    node.outerjoin(version, version.c.id == node.c.version).outerjoin(blob, blob.c.id == version.c.blob)
)

_CHILD: Final = compile_statement(
    WITH_VERSION.where(node.c.parent == bindparam("parent"), node.c.key == bindparam("key"))
)
_NODE: Final = compile_statement(WITH_VERSION.where(node.c.id == bindparam("id")))
_PLACE: Final = compile_statement(select(node.c.parent, node.c.name, node.c.key).where(node.c.id == bindparam("id")))
_TAGS: Final = compile_statement(select(tag.c.tag).where(tag.c.node == bindparam("node")).order_by(tag.c.tag))
_TRASHED_PATH: Final = compile_statement(select(trash.c.path).where(trash.c.node == bindparam("node")))

MOST_TEXT: Final = 1000 * MAX_PATH_BYTES
"""Characters that the paths on one page of files have together, where what moved has made them too long to be named."""

_PATHLESS: Final = frozenset({ROOT, TRASH, PURGED})
_REMEMBERED: Final = 20_000
"""Folders. Whoever comes by more than that looks them up again."""


def find_row(connection: Connection, path: Path) -> Row | None:
    """The row of what is at ``path``."""
    found = load_row(connection, ROOT)
    for name in path.names:
        if found is None or found.is_file:
            return None
        found = find_child(connection, found.id, name)
    return found


def find_child(connection: Connection, parent: int, name: Name) -> Row | None:
    """The row of what is called ``name`` in the folder ``parent``."""
    found = _CHILD.row(connection, parent=parent, key=name.key)
    return Row(*found) if found else None


def load_row(connection: Connection, node_id: int) -> Row | None:
    """The row of this id."""
    found = _NODE.row(connection, id=node_id)
    return Row(*found) if found else None


def load_tags(connection: Connection, node_id: int) -> tuple[str, ...]:
    """The tags of a file, in alphabetical order."""
    return tuple(found for (found,) in _TAGS.rows(connection, node=node_id))


def make_version(epoch: str, number: int, content: Blob, media_type: str, created_at: Instant) -> Version:
    """A version with the validator that it has in this history."""
    return Version(
        id=VersionId(number),
        validator=make_validator(epoch, number),
        blob=content,
        media_type=media_type,
        created_at=created_at,
    )


def make_validator(epoch: str, number: int | None) -> str:
    """What names a version in all histories."""
    return f"{epoch}-{number}"


def make_node(connection: Connection, epoch: str, row: Row, path: Path) -> Node:
    """What ``row`` stands for, at ``path``."""
    if not row.is_file:
        return Folder(id=NodeId(row.id), path=path, created_at=row.created_at, updated_at=row.updated_at)
    return make_file(connection, epoch, row, path)


def make_file(connection: Connection, epoch: str, row: Row, path: Path) -> File:
    """The file that ``row`` stands for, at ``path``."""
    content = Blob(id=BlobId(row.blob), size=row.size, digest=row.digest)
    return File(
        id=NodeId(row.id),
        path=path,
        version=make_version(epoch, row.version or 0, content, row.media_type, row.version_created_at),
        tags=load_tags(connection, row.id),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def read_path(text: str) -> Path:
    """A path that is kept. It may be longer than one that is asked for, as names are spelt shorter or have moved."""
    return Path(tuple(map(parse_name, text.split("/")))) if text else Path()


@define
class Ancestry:
    """
    Where nodes are, remembered for as long as one question takes: one step for each folder, never whole paths, which
    would grow with the square of the depth.

    :ivar top: the folder that :meth:`holds` asks about.
    """

    _connection: Connection
    _top: int = ROOT
    _places: dict[int, tuple[int | None, Name]] = field(factory=dict)
    _held: dict[int | None, bool] = field(factory=dict)

    def find_folder(self, folder: int | None) -> Path | None:
        """The path of a folder; ``None`` for what is in the trash or purged."""
        names: list[Name] = []
        while folder != ROOT:
            place = self._look_up(folder)
            if place is None:
                return None
            folder, name = place
            names.append(name)
        return Path(tuple(reversed(names)))

    def find(self, row: Row) -> Path | None:
        """The path of what ``row`` stands for; ``None`` where that is in the trash or purged."""
        if row.id == ROOT:
            return Path()
        folder = self.find_folder(row.parent)
        return None if folder is None else folder / Name(row.name, row.key)

    def holds(self, folder: int | None) -> bool:
        """Whether ``folder`` is the top one or somewhere below it."""
        steps: list[int | None] = []
        while folder != self._top and folder not in self._held:
            steps.append(folder)
            place = self._look_up(folder)
            if place is None:
                break
            folder = place[0]
        held = folder == self._top or self._held.get(folder, False)
        _bound(self._held)
        self._held.update(dict.fromkeys(steps, held))
        return held

    def _look_up(self, folder: int | None) -> tuple[int | None, Name] | None:
        """The folder above ``folder``, and its name; ``None`` where no path goes on."""
        if folder is None or folder in _PATHLESS:
            return None
        place = self._places.get(folder)
        if place is None:
            found: Any = _PLACE.row(self._connection, id=folder)
            if found is None:
                return None
            _bound(self._places)
            place = self._places[folder] = found[0], Name(found[1], found[2])
        return place


def _bound(remembered: dict[Any, Any]) -> None:
    if len(remembered) >= _REMEMBERED:
        remembered.clear()


def find_former_path(connection: Connection, row: Row) -> Path | None:
    """The path that something in the trash had; ``None`` where it is not in the trash."""
    names: list[Name] = []
    current: Row | None = row
    while current is not None and current.parent != TRASH:
        names.append(Name(current.name, current.key))
        current = None if current.parent is None else load_row(connection, current.parent)
    if current is None:
        return None
    former = read_path(_TRASHED_PATH.value(connection, node=current.id))
    return Path((*former.names, *reversed(names)))
