"""Tables of plain records: what a catalogue in memory holds at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import define, evolve, field, frozen

from cloudsvc.drive.changes import Change
from cloudsvc.drive.freezing import THAWED, Freeze, make_epoch
from cloudsvc.drive.names import ROOT, DrivePath, Name
from cloudsvc.drive.nodes import (
    ROOT_ID,
    Blob,
    BlobId,
    File,
    Folder,
    Instant,
    Node,
    NodeId,
    TrashId,
    Version,
    VersionId,
)

TRASH: Final = NodeId(2)
"""The parent of what was thrown away."""

PURGED: Final = NodeId(3)
"""The parent of what is about to be removed."""

_NAMELESS: Final = Name("", "")
"""What the tops of the trees have for a name."""


@frozen(kw_only=True)
class Content:
    """
    One version of a file.

    :ivar superseded_at: when the next one came; ``None`` where this is the current one.
    :ivar account: the quota owner to which it counts.
    :ivar payer: the name of the user on whose behalf it was stored, if that was one.
    """

    id: VersionId
    blob: BlobId
    media_type: str
    created_at: Instant
    modified_at: Instant
    superseded_at: Instant | None = None
    account: NodeId
    payer: str | None = None


@frozen(kw_only=True)
class Entry:
    """
    A file or folder.

    :ivar parent: the folder it is in; ``None`` for the tops of the trees.
    :ivar contents: of a file, its versions, the current one last.
    """

    id: NodeId
    parent: NodeId | None
    name: Name
    is_file: bool
    created_at: Instant
    updated_at: Instant
    contents: tuple[Content, ...] = ()
    tags: tuple[str, ...] = ()


@frozen(kw_only=True)
class KnownBlob:
    """:ivar marked: whether it is marked for deletion."""

    blob: Blob
    marked: bool = False


@frozen(kw_only=True)
class Thrown:
    """
    An entry of the trash.

    :ivar path: the one that the node had.
    :ivar chain: the nodes from the root down to it, when it was thrown away.
    :ivar account: the quota owner to which it counts.
    :ivar is_shared: whether something in it counts to another one, so that it is not given up to make room.
    :ivar payer: the name of the user who has stored all of it, if that is one, and there is not too much of it.
    """

    id: TrashId
    node: NodeId
    path: DrivePath
    chain: tuple[int, ...]
    deleted_at: Instant
    actor: str
    account: NodeId
    is_shared: bool
    payer: str | None = None


@frozen(kw_only=True)
class Happening:
    """
    A change, and what decides who is told of it.

    :ivar chain: the nodes from the root down to it.
    :ivar former_chain: those down to it before, if it was somewhere.
    """

    change: Change
    chain: tuple[int, ...]
    former_chain: tuple[int, ...] | None


def _make_tops() -> dict[NodeId, Entry]:
    return {
        top: Entry(id=top, parent=None, name=_NAMELESS, is_file=False, created_at=0, updated_at=0)
        for top in (ROOT_ID, TRASH, PURGED)
    }


@define(eq=False, kw_only=True)
class Tables:
    """
    All records. Whoever changes them works on a :meth:`copy`, and no record is ever changed itself: so tables that
    somebody reads stay as they are.

    :ivar children: what is in each folder, by its key.
    :ivar quotas: of folders, in bytes.
    :ivar last_id: the last number that was given to anything but a change.
    :ivar forgotten: the number of the last change that is not remembered any more.
    :ivar freeze: whether changes are refused, and why.
    """

    epoch: str = field(factory=make_epoch)
    nodes: dict[NodeId, Entry] = field(factory=_make_tops)
    children: dict[NodeId, dict[str, NodeId]] = field(factory=dict)
    blobs: dict[BlobId, KnownBlob] = field(factory=dict)
    trash: dict[TrashId, Thrown] = field(factory=dict)
    changes: dict[int, Happening] = field(factory=dict)
    pins: dict[int, Instant] = field(factory=dict)
    quotas: dict[NodeId, int] = field(factory=dict)
    last_id: int = 3
    last_change: int = 0
    forgotten: int = 0
    freeze: Freeze = THAWED

    def copy(self) -> Tables:
        """The same, to be changed."""
        return evolve(
            self,
            nodes={**self.nodes},
            children={**self.children},
            blobs={**self.blobs},
            trash={**self.trash},
            changes={**self.changes},
            pins={**self.pins},
            quotas={**self.quotas},
        )

    def give_id(self) -> int:
        """A number that nothing has had."""
        self.last_id += 1
        return self.last_id

    def put(self, entry: Entry) -> None:
        """Make ``entry`` what its node is, and take it out of the folder it was in where that is another one."""
        self._detach(entry.id)
        self.nodes[entry.id] = entry
        if entry.parent is not None:
            self.children[entry.parent] = {**self.children.get(entry.parent, {}), find_key(entry): entry.id}

    def remove(self, node: NodeId) -> None:
        """Forget a node, in which there is nothing."""
        self._detach(node)
        del self.nodes[node]
        self.children.pop(node, None)

    def _detach(self, node: NodeId) -> None:
        former = self.nodes.get(node)
        if former is not None and former.parent is not None:
            siblings = {key: each for key, each in self.children[former.parent].items() if each != node}
            self.children[former.parent] = siblings

    def list_children(self, folder: NodeId) -> list[Entry]:
        """What is directly in a folder, by key."""
        return [self.nodes[each] for _, each in sorted(self.children.get(folder, {}).items())]

    def walk(self, top: NodeId) -> Iterator[Entry]:
        """What ``top`` is and all that is below it, each folder before what is in it."""
        waiting = [self.nodes[top]]
        while waiting:
            yield (entry := waiting.pop())
            waiting += self.list_children(entry.id)

    def climb(self, node: NodeId) -> list[Entry]:
        """The nodes from the top of a tree down to one."""
        steps = [self.nodes[node]]
        while (parent := steps[-1].parent) is not None:
            steps.append(self.nodes[parent])
        return steps[::-1]

    def find_chain(self, node: int) -> tuple[int, ...] | None:
        """The ids of the nodes from the root down to one that is below it; ``None`` for any other."""
        if node not in self.nodes:
            return None
        chain = tuple(entry.id for entry in self.climb(NodeId(node)))
        return chain if chain[0] == ROOT_ID else None

    def find_path(self, node: NodeId) -> DrivePath:
        """The path of something below the root."""
        return _join(self.climb(node))

    def find_path_anywhere(self, node: NodeId) -> DrivePath | None:
        """As :meth:`find_path`; of what is in the trash the one that it had, and ``None`` of what is purged."""
        top, *below = self.climb(node)
        if top.id != TRASH:
            return self.find_path(node) if top.id == ROOT_ID else None
        former = next((thrown.path for thrown in self.trash.values() if thrown.node == below[0].id), ROOT)
        return DrivePath((*former.names, *(entry.name for entry in below[1:])))

    def make_node(self, entry: Entry, path: DrivePath) -> Node:
        """What ``entry`` stands for, at ``path``."""
        if entry.is_file:
            return self.make_file(entry, path)
        return Folder(id=entry.id, path=path, created_at=entry.created_at, updated_at=entry.updated_at)

    def make_file(self, entry: Entry, path: DrivePath) -> File:
        """The file that ``entry`` stands for, at ``path``."""
        return File(
            id=entry.id,
            path=path,
            version=self.make_version(entry.contents[-1]),
            tags=entry.tags,
            created_at=entry.created_at,
            updated_at=entry.updated_at,
        )

    def make_version(self, content: Content) -> Version:
        """The version that ``content`` stands for."""
        return Version(
            id=content.id,
            validator=f"{self.epoch}-{content.id}",
            blob=self.blobs[content.blob].blob,
            media_type=content.media_type,
            created_at=content.created_at,
            modified_at=content.modified_at,
        )

    @property
    def stored_bytes(self) -> int:
        """Of all blobs."""
        return sum(known.blob.size for known in self.blobs.values())

    def list_contents(self) -> Iterator[tuple[Entry, Content]]:
        """All versions of all files, wherever they are."""
        return ((entry, content) for entry in self.nodes.values() for content in entry.contents)


def find_key(entry: Entry) -> str:
    """What no two in one folder have alike."""
    # In the trash, names need not differ.
    return str(entry.id) if entry.parent in {TRASH, PURGED} else entry.name.key


def _join(steps: list[Entry]) -> DrivePath:
    return DrivePath(tuple(entry.name for entry in steps[1:]))
