"""Import plan: what an import comes to, before anything is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import Enum
from typing import Final

from attrs import define, field, frozen

from cloudsvc.administration.concurrency import for_each
from cloudsvc.administration.metadata import Metadata, key_of
from cloudsvc.administration.progress import Progress
from cloudsvc.administration.source import FoundFile, Tree, read_pieces
from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.commands import EditTags
from cloudsvc.drive.errors import already_exists, too_many_tags
from cloudsvc.drive.media_types import guess_type
from cloudsvc.drive.names import ROOT, DrivePath, parse_path
from cloudsvc.drive.nodes import File, Instant
from cloudsvc.drive.tags import check_tags
from cloudsvc.drive.uploads import Uploads

_PIECE: Final = 1024 * 1024


class Existing(Enum):
    """What becomes of a file of the drive where the tree has another one."""

    REFUSE = "refuse"
    """It is a fault."""
    KEEP = "keep"
    """It stays as it is."""
    REPLACE = "replace"
    """It gets a new version."""


@frozen(kw_only=True)
class Arrival:
    """
    A file that is to be stored.

    :ivar path: in the drive.
    :ivar metadata: what it gets besides its bytes.
    :ivar replaced: the file that is there now.
    """

    found: FoundFile
    path: DrivePath
    metadata: Metadata
    replaced: File | None

    @property
    def modified_at(self) -> Instant:
        """When its content was last changed. What is known about a file goes before what its copy here says."""
        known = self.metadata.modified_at
        return self.found.modified_at if known is None else known


@define(kw_only=True)
class Plan:
    """
    What is to be done.

    :ivar arrivals: in any order.
    :ivar same: how many files are in the drive already, with the same bytes.
    :ivar left_out: what is not imported, and does not keep the rest from it: a line each.
    :ivar faults: what cannot be imported: a line each.
    """

    arrivals: list[Arrival] = field(factory=list)
    folders: list[DrivePath] = field(factory=list)
    same: int = 0
    left_out: list[str] = field(factory=list)
    faults: list[str] = field(factory=list)

    @property
    def size(self) -> int:
        """Bytes that are to be stored."""
        return sum(arrival.found.size for arrival in self.arrivals)


@frozen(kw_only=True)
class Planner:
    """
    Compares a tree with a drive.

    :ivar actor: on whose behalf it is compared.
    :ivar into: the folder of the drive that gets the tree.
    """

    actor: Actor
    uploads: Uploads
    disk: ThreadRunner
    into: DrivePath = ROOT
    existing: Existing = Existing.REFUSE

    async def plan(self, tree: Tree, progress: Progress) -> Plan:
        """
        What importing ``tree`` comes to. Files that may be in the drive already are read.

        :raises CloudError: the storage fails.
        """
        plan = Plan(left_out=[*tree.left_out], faults=[*tree.faults])
        progress.begin("comparing", sum(file.size for file in tree.files))

        async def consider(file: FoundFile) -> None:
            try:
                await self._consider(file, tree.metadata.get(key_of(file.path)), plan)
            except CloudError as problem:
                plan.faults.append(f"{str(file.place)!r}: {problem.message}")
            except OSError as problem:
                plan.faults.append(f"{str(file.place)!r}: {problem.strerror}")
            progress.advance(file.size)

        await for_each(tree.files, consider)
        for folder in tree.folders:
            await self._consider_folder(folder, plan)
        await self._consider_room(plan)
        return plan

    async def _consider(self, found: FoundFile, metadata: Metadata | None, plan: Plan) -> None:
        path = parse_path(str(self._place(found.path)))
        self.uploads.check_size(found.size)
        node = await self.uploads.find_place(self.actor, path)
        if node is not None and await self._is_same(node, found):
            plan.same += 1
            return
        if node is not None and self.existing is Existing.KEEP:
            plan.left_out.append(f"{str(found.place)!r}: another file is at {str(path)!r} and stays there")
            return
        if node is not None and self.existing is Existing.REFUSE:
            raise already_exists(path)
        metadata = metadata or Metadata(
            media_type=guess_type(path), tags=(), created_at=found.modified_at, updated_at=found.modified_at
        )
        self._check_tags(path, metadata.tags, node.tags if node else ())
        plan.arrivals.append(Arrival(found=found, path=path, metadata=metadata, replaced=node))

    async def _consider_folder(self, folder: DrivePath, plan: Plan) -> None:
        path = self._place(folder)
        try:
            await self.uploads.check_folder(self.actor, parse_path(str(path)))
        except CloudError as problem:
            plan.faults.append(problem.message)
        else:
            plan.folders.append(path)

    async def _consider_room(self, plan: Plan) -> None:
        """Files with equal bytes share them, so it may fit although it seems not to; but who knows."""
        try:
            await self.uploads.check_room(plan.size)
        except CloudError as problem:
            plan.faults.append(f"{plan.size} bytes are to be stored: {problem.message}")

    def _place(self, path: DrivePath) -> DrivePath:
        return DrivePath((*self.into.names, *path.names))

    async def _is_same(self, known: File, found: FoundFile) -> bool:
        blob = known.version.blob
        # One whose digest is not known yet counts as another file: asked again a little later, it is known.
        return blob.size == found.size and blob.digest == await self.disk.run(_hash, found)

    def _check_tags(self, path: DrivePath, new: Sequence[str], old: Sequence[str]) -> None:
        limits = self.uploads.limits
        check_tags(EditTags(path=path, add=tuple(new), most=limits.tags), limits)
        if len({*new, *old}) > limits.tags:
            raise too_many_tags(limits.tags)


def _hash(file: FoundFile) -> bytes:
    digest = hashlib.sha256()
    for piece in read_pieces(file, _PIECE):
        digest.update(piece)
    return digest.digest()
