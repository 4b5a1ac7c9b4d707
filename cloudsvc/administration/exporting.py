"""Export of a drive as plain files."""

from __future__ import annotations

import errno
import pathlib
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define, field, frozen

from cloudsvc.administration.concurrency import for_each
from cloudsvc.administration.metadata import METADATA_NAME, MetadataWriter
from cloudsvc.administration.progress import Progress
from cloudsvc.administration.target import STAGING_NAME, Damaged, StagedFile, Target
from cloudsvc.administration.tree import walk
from cloudsvc.core.coroutines import shield
from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobMissing, BlobReader, BlobStore
from cloudsvc.drive.catalogue import Tree
from cloudsvc.drive.names import ROOT, DrivePath
from cloudsvc.drive.nodes import File, Folder, Node

_HOPELESS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""Errors that the next file would meet as well."""


@define(kw_only=True)
class Exported:
    """
    What was done.

    :ivar files: how many files are there now, those of an earlier export included.
    :ivar kept: how many of them were there already.
    :ivar size: bytes that were written.
    :ivar faults: what could not be written: a line each.
    """

    files: int = 0
    kept: int = 0
    size: int = 0
    faults: list[str] = field(factory=list)


@frozen(kw_only=True)
class Exporter:
    """
    Writes all current files, and their tags and dates beside them.

    :ivar catalogue: one that does not change meanwhile.
    :ivar metadata_file: where tags and dates go, if not into ``metadata.json`` at the top.
    """

    catalogue: Tree
    blobs: BlobStore
    disk: ThreadRunner
    metadata_file: pathlib.Path | None = None

    async def export(self, target: Target, progress: Progress) -> Exported:
        """
        Write everything into ``target``.

        :raises OperatorError: two names would be one there, or a name is needed for something else. Nothing was
            written.
        :raises CloudError: the storage fails.
        :raises OSError: there is no space, or the directory cannot be written.
        """
        progress.begin("writing", await self._survey(target.fold))
        exported = Exported()
        destination = self.metadata_file or target.top / METADATA_NAME
        with await self.disk.run(target.stage_text, destination) as stream:
            metadata = MetadataWriter(stream)
            async for folder, nodes in walk(self.catalogue):
                written = await self._write_nodes(target, nodes, exported, progress)
                await self.disk.run(metadata.add, written)
                if written:
                    await self.disk.run(target.sync_folder, folder)
            await self.disk.run(metadata.end)
            await self.disk.run(target.place_text, stream, destination)
        return exported

    async def _survey(self, fold: Callable[[str], str]) -> int:
        """How many bytes there are; see that every name can be written."""
        size = 0
        faults: list[str] = []
        current, names = ROOT, self._reserve(ROOT, fold)
        async for folder, nodes in walk(self.catalogue):
            if folder != current:
                current, names = folder, self._reserve(folder, fold)
            for node in nodes:
                name = node.path.name.text
                other = names.setdefault(fold(name), name)
                if other is None:
                    faults.append(
                        f"the drive has {name!r} at its top, which an export needs for itself; rename it, "
                        f"or let tags and dates go elsewhere than to {METADATA_NAME}"
                    )
                elif other != name:
                    faults.append(
                        f"in {str(folder) or 'the top folder'!r}, {other!r} and {name!r} would be one file where this "
                        "is written to; rename one of them, or name a directory on another file system"
                    )
                if isinstance(node, File):
                    size += node.version.blob.size
        if faults:
            raise OperatorError(faults)
        return size

    def _reserve(self, folder: DrivePath, fold: Callable[[str], str]) -> dict[str, str | None]:
        """Names that a file in ``folder`` cannot have."""
        if folder:
            return {}
        reserved = [STAGING_NAME] if self.metadata_file else [STAGING_NAME, METADATA_NAME]
        return dict.fromkeys(map(fold, reserved))

    async def _write_nodes(
        self, target: Target, nodes: Sequence[Node], exported: Exported, progress: Progress
    ) -> list[File]:
        """Those files of ``nodes`` that are there now."""
        written: list[File] = []

        async def write(node: Node) -> None:
            try:
                if isinstance(node, Folder):
                    await self.disk.run(target.make_folder, node.path)
                    return
                await self._write(target, node, exported)
            except (BlobMissing, Damaged, CloudError):
                exported.faults.append(f"{str(node.path)!r} is damaged in the drive, and was not written")
            except OSError as problem:
                if problem.errno in _HOPELESS:
                    raise
                exported.faults.append(f"{str(node.path)!r} cannot be written: {problem.strerror}")
            else:
                written.append(node)
                exported.files += 1
            if isinstance(node, File):
                progress.advance(node.version.blob.size)

        await for_each(nodes, write)
        return written

    async def _write(self, target: Target, file: File, exported: Exported) -> None:
        blob = file.version.blob
        if await self.disk.run(target.has, file.path, blob, file.version.modified_at):
            exported.kept += 1
            return
        reader = await self.blobs.open(blob)
        try:
            await self._copy(reader, await self.disk.run(target.stage), target, file)
        finally:
            await reader.close()
        exported.size += blob.size

    async def _copy(self, reader: BlobReader, staged: StagedFile, target: Target, file: File) -> None:
        try:
            async for piece in reader.stream(0, reader.size):
                await self.disk.run(staged.write, piece)
            await self.disk.run(target.place, staged, file.path, file.version.blob, file.version.modified_at)
        except BaseException:
            await shield(self.disk.run(staged.discard))
            raise
