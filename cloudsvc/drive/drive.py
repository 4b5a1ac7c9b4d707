"""The use-cases: the one guarded way to every file, whatever the protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.drive.blobs import BlobMissing, BlobReader, BlobStore
from cloudsvc.drive.catalogue import Tree
from cloudsvc.drive.changes import Changes
from cloudsvc.drive.commands import (
    ALWAYS,
    Command,
    Condition,
    Copy,
    Discard,
    EditTags,
    MadeFolder,
    MakeFolder,
    Move,
    Purge,
    Restore,
    RestoreVersion,
)
from cloudsvc.drive.errors import (
    CommandError,
    file_not_found,
    node_not_found,
    storage_failed,
    version_not_found,
)
from cloudsvc.drive.incoming import Incoming
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import File, Folder, Node, Trashed, TrashId, Version, VersionId
from cloudsvc.drive.pages import FileQuery, Page
from cloudsvc.drive.receiving import Reception
from cloudsvc.drive.tags import check_commands

T = TypeVar("T")

_ATTEMPTS = 3
"""How often a file is looked up again when its blob was collected between looking up and opening."""


@frozen(kw_only=True)
class OpenFile:
    """A version of a file, open for reading. Whoever asked for it closes the reader."""

    file: File
    version: Version
    reader: BlobReader


@frozen(kw_only=True)
class Drive:
    """
    Files and folders. Every method takes the actor on whose behalf it works.

    Errors are those of :mod:`cloudsvc.drive.errors`. What changes the tree is all or nothing.
    """

    _catalogue: Tree
    _blobs: BlobStore
    _reception: Reception
    _collect_soon: Callable[[], None]
    limits: Limits

    # -- reading -------------------------------------------------------------------------------------------------

    async def find(self, actor: Actor, path: Path) -> Node:
        """
        What is at ``path``.

        :raises CloudError: nothing is.
        """
        node = await self._catalogue.find(path)
        if node is None:
            raise node_not_found(path)
        return node

    async def find_file(self, actor: Actor, path: Path) -> File:
        """
        The file at ``path``.

        :raises CloudError: there is none.
        """
        node = await self._catalogue.find(path)
        if not isinstance(node, File):
            raise file_not_found(path)
        return node

    async def open_file(self, actor: Actor, path: Path, version: VersionId | None = None) -> OpenFile:
        """
        Open the file at ``path``, as it is or as it was in ``version``.

        :raises CloudError: there is no such file or version, or its bytes cannot be read.
        """
        for _ in range(_ATTEMPTS):
            file, wanted = await self._find_version(actor, path, version)
            try:
                reader = await self._blobs.open(wanted.blob.id)
            except BlobMissing:
                continue
            return OpenFile(file=file, version=wanted, reader=reader)
        raise storage_failed()

    async def list_children(self, actor: Actor, folder: Path, limit: int, cursor: str | None = None) -> Page[Node]:
        """
        What is directly in ``folder``.

        :raises CloudError: there is no such folder, or the cursor is none of it.
        """
        return await self._catalogue.list_children(folder, limit, cursor)

    async def list_files(self, actor: Actor, query: FileQuery, limit: int, cursor: str | None = None) -> Page[File]:
        """
        The files that ``query`` asks for; a page may have few or none of them and still a cursor.

        :raises CloudError: the cursor is none of this list.
        """
        return await self._catalogue.list_files(query, limit, cursor)

    async def list_versions(self, actor: Actor, path: Path, limit: int, cursor: str | None = None) -> Page[Version]:
        """
        The versions of the file at ``path``, the newest first.

        :raises CloudError: there is no such file, or the cursor is none of this list.
        """
        return await self._catalogue.list_versions(path, limit, cursor)

    async def list_trash(self, actor: Actor, limit: int, cursor: str | None = None) -> Page[Trashed]:
        """
        What is in the trash, the last deleted first.

        :raises CloudError: the cursor is none of this list.
        """
        return await self._catalogue.list_trash(limit, cursor)

    async def read_changes(self, actor: Actor, after: int, limit: int) -> Changes:
        """
        What happened after the change numbered ``after``. No route asks yet; a feed of changes will.

        :raises CloudError: it is not remembered any more, or there was no such change yet.
        """
        return await self._catalogue.read_changes(after, limit)

    # -- storing -------------------------------------------------------------------------------------------------

    def receive(
        self,
        actor: Actor,
        path: Path,
        *,
        length: int | None,
        replace: bool = True,
        condition: Condition = ALWAYS,
    ) -> AbstractAsyncContextManager[Incoming]:
        """
        Take a new content of the file at ``path``. Everything that can be known is checked before the first byte.

        Without :meth:`Incoming.finish`, leaving the context throws away what was taken.

        :param length: in bytes, where it is known.
        :param replace: whether there may be a file already.
        :raises CloudError: it cannot be stored there, or there is no room for it.
        """
        return self._reception.receive(actor, path, length=length, replace=replace, condition=condition)

    # -- changing ------------------------------------------------------------------------------------------------

    async def apply(self, actor: Actor, commands: Sequence[Command]) -> list[Any]:
        """
        Do all of ``commands`` in order, or nothing; what each of them results in.

        :raises CloudError: one cannot be done.
        """
        check_commands(commands, self.limits)
        return await self._catalogue.apply(commands, actor.name)

    async def make_folder(self, actor: Actor, path: Path, condition: Condition = ALWAYS) -> MadeFolder:
        """
        Make a folder, and those above it that are missing.

        :raises CloudError: a file is in the way.
        """
        return await self._do(actor, MakeFolder(path=path, condition=condition), MadeFolder)

    async def move(
        self,
        actor: Actor,
        path: Path,
        destination: Path,
        kind: type[File] | type[Folder] | None = None,
        condition: Condition = ALWAYS,
    ) -> Node:
        """
        Give a file or folder another path.

        :raises CloudError: it is not there, or something is at the destination.
        """
        move = Move(path=path, destination=destination, kind=kind, condition=condition)
        return await self._do(actor, move, (File, Folder))

    async def edit_file(
        self,
        actor: Actor,
        path: Path,
        *,
        destination: Path | None = None,
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        condition: Condition = ALWAYS,
    ) -> File:
        """
        Change tags and path of a file in one step.

        :raises CloudError: there is no such file, there are too many tags, or something is at the destination.
        """
        tags = EditTags(path=path, add=add, remove=remove, most=self.limits.tags, condition=condition)
        if destination is None:
            return await self._do(actor, tags, File)
        try:
            *_, node = await self.apply(actor, [tags, Move(path=path, destination=destination, kind=File)])
        except CommandError as refused:
            # Whoever asked knows of one step only.
            raise refused.reason from None
        return _expect(node, File)

    async def discard(
        self,
        actor: Actor,
        path: Path,
        kind: type[File] | type[Folder] | None = None,
        condition: Condition = ALWAYS,
    ) -> Trashed:
        """
        Put a file or folder into the trash.

        :raises CloudError: it is not there.
        """
        return await self._do(actor, Discard(path=path, kind=kind, condition=condition), Trashed)

    async def restore(self, actor: Actor, entry: TrashId, destination: Path | None = None) -> Node:
        """
        Take something out of the trash.

        :raises CloudError: there is no such entry, or something is where it should go.
        """
        return await self._do(actor, Restore(entry=entry, destination=destination), (File, Folder))

    async def purge(self, actor: Actor, entry: TrashId | None) -> int:
        """
        Remove one entry of the trash for good, or all of them; how many there were.

        :raises CloudError: there is no such entry.
        """
        purged = await self._do(actor, Purge(entry=entry), int)
        self._collect_soon()
        return purged

    async def copy(self, actor: Actor, source: Path, destination: Path) -> Node:
        """
        Make a second file or folder with the same contents, without copying bytes.

        :raises CloudError: the source is not there, or something is at the destination.
        """
        return await self._do(actor, Copy(source=source, destination=destination), (File, Folder))

    async def restore_version(
        self, actor: Actor, path: Path, version: VersionId, condition: Condition = ALWAYS
    ) -> File:
        """
        Make the content of an earlier version current again.

        :raises CloudError: there is no such file or version.
        """
        command = RestoreVersion(path=path, version=version, versions_kept=self.limits.versions, condition=condition)
        return await self._do(actor, command, File)

    # ------------------------------------------------------------------------------------------------------------

    async def _do(self, actor: Actor, command: Command, kind: type[T] | tuple[type[T], ...]) -> T:
        [result] = await self.apply(actor, [command])
        return _expect(result, kind)

    async def _find_version(self, actor: Actor, path: Path, version: VersionId | None) -> tuple[File, Version]:
        if version is None:
            file = await self.find_file(actor, path)
            return file, file.version
        found = await self._catalogue.find_version(path, version)
        if found is None:
            await self.find_file(actor, path)
            raise version_not_found(path)
        return found


def _expect(result: Any, kind: type[T] | tuple[type[T], ...]) -> T:
    if not isinstance(result, kind):
        raise TypeError(f"a command resulted in {type(result).__name__}")
    return result
