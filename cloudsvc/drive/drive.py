"""Use-cases of the drive: the one guarded way to every file, whatever the protocol."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, TypeVar

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.blobs import BlobMissing, BlobReader, BlobStore
from cloudsvc.drive.catalogue import Tree, Usage
from cloudsvc.drive.changes import Changes, Looked
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
    SetQuota,
    check_names,
)
from cloudsvc.drive.errors import (
    CommandError,
    already_exists,
    file_not_found,
    folder_not_found,
    node_not_found,
    storage_failed,
    version_not_found,
)
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, File, Folder, Node, NodeId, Trashed, TrashId, Version, VersionId
from cloudsvc.drive.pages import FileQuery, Page
from cloudsvc.drive.permissions import Right, is_permitted
from cloudsvc.drive.tags import check_commands
from cloudsvc.drive.upload import Upload
from cloudsvc.drive.uploads import Uploads

T = TypeVar("T")

_GROWING = (Copy, MakeFolder)
"""Commands that store no bytes, and yet take room: in the catalogue, any number of times."""

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
    _uploads: Uploads
    _collect_soon: Callable[[], None]
    limits: Limits

    # -- reading -------------------------------------------------------------------------------------------------

    async def find(self, actor: Actor, path: DrivePath) -> Node:
        """
        What is at ``path``.

        :raises CloudError: nothing is.
        """
        node = await self._catalogue.find(actor, path)
        if node is None:
            raise node_not_found(path)
        return node

    async def find_file(self, actor: Actor, path: DrivePath) -> File:
        """
        The file at ``path``.

        :raises CloudError: there is none.
        """
        node = await self._catalogue.find(actor, path)
        if not isinstance(node, File):
            raise file_not_found(path)
        return node

    async def find_folder(self, actor: Actor, path: DrivePath) -> Folder:
        """
        The folder at ``path``.

        :raises CloudError: there is none.
        """
        node = await self._catalogue.find(actor, path)
        if not isinstance(node, Folder):
            raise folder_not_found(path)
        return node

    async def tell_paths(self, actor: Actor, folders: Collection[NodeId]) -> Mapping[NodeId, DrivePath]:
        """
        The paths of those of ``folders`` into which ``actor`` may look.

        :param folders: :data:`cloudsvc.core.actors.MAX_GRANTS` at most.
        """
        found = await self._catalogue.locate(folders)
        return {each: at.path for each, at in found.items() if is_permitted(actor, Right.SEE, at.chain)}

    async def find_file_with(self, actor: Actor, path: DrivePath, read: Callable[[Blob], T]) -> tuple[File, T]:
        """
        The file at ``path``, and what ``read`` makes of its blob, in one step.

        :param read: as in :meth:`cloudsvc.drive.catalogue.Tree.open_version`.
        :raises CloudError: there is none.
        """
        found = await self._catalogue.open_version(actor, path, None, read)
        if found is None:
            raise file_not_found(path)
        file, _, made = found
        return file, made

    async def open_file(self, actor: Actor, path: DrivePath, version: VersionId | None = None) -> OpenFile:
        """
        Open the file at ``path``, as it is or as it was in ``version``.

        :raises CloudError: there is no such file or version, or its bytes cannot be read.
        """
        for _ in range(_ATTEMPTS):
            try:
                found = await self._catalogue.open_version(actor, path, version, self._blobs.read_small)
                if found is None:
                    raise await self._explain_missing(actor, path, version)
                file, wanted, reader = found
                return OpenFile(file=file, version=wanted, reader=reader or await self._blobs.open(wanted.blob))
            except BlobMissing:
                continue
        raise storage_failed()

    async def find_version(
        self, actor: Actor, path: DrivePath, version: VersionId | None = None
    ) -> tuple[File, Version]:
        """
        The file at ``path``, as it is or as it was in ``version``, without its bytes.

        :raises CloudError: there is no such file or version.
        """
        found = await self._catalogue.find_version(actor, path, version)
        if found is None:
            raise await self._explain_missing(actor, path, version)
        return found

    async def list_children(self, actor: Actor, folder: DrivePath, limit: int, cursor: str | None = None) -> Page[Node]:
        """
        What is directly in ``folder``.

        :raises CloudError: there is no such folder, or the cursor is none of it.
        """
        return await self._catalogue.list_children(actor, folder, limit, cursor)

    async def list_files(
        self,
        actor: Actor,
        query: FileQuery,
        limit: int,
        cursor: str | None = None,
        *,
        client: str = "",
        goes_on: bool = False,
    ) -> Page[File]:
        """
        The files that ``query`` asks for; a page may have few or none of them and still a cursor.

        :param client: where the actor asks from: many may have one key, and none is to hold up the others.
        :param goes_on: as in :meth:`cloudsvc.drive.catalogue.Tree.list_files`.
        :raises CloudError: the cursor is none of this list.
        """
        return await self._catalogue.list_files(
            actor, query, limit, cursor, caller=f"{actor.name} {client}", goes_on=goes_on
        )

    async def list_versions(
        self, actor: Actor, path: DrivePath, limit: int, cursor: str | None = None
    ) -> Page[Version]:
        """
        The versions of the file at ``path``, the newest first.

        :raises CloudError: there is no such file, or the cursor is none of this list.
        """
        return await self._catalogue.list_versions(actor, path, limit, cursor)

    async def list_trash(self, actor: Actor, limit: int, cursor: str | None = None) -> Page[Trashed]:
        """
        What is in the trash, the last deleted first.

        :raises CloudError: the cursor is none of this list.
        """
        return await self._catalogue.list_trash(actor, limit, cursor)

    async def read_changes(
        self, actor: Actor, after: int, limit: int, *, epoch: str | None = None, looked: Looked | None = None
    ) -> Changes:
        """
        What happened after the change numbered ``after``. Who waits for changes has them from a
        :class:`~cloudsvc.drive.following.Feed`, which reads once for all who see the same.

        :param epoch: in which history it was; without one, in that of now.
        :param looked: from an answer before, to look only through what came after it.
        :raises CloudError: it is not remembered any more, or there was no such change yet.
        """
        return await self._catalogue.read_changes(actor, after, limit, epoch=epoch, looked=looked)

    async def find_last_change(self, actor: Actor) -> Changes:
        """The last change that ``actor`` sees, by its number alone: whoever follows from there misses none."""
        return await self._catalogue.find_last_change(actor)

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """
        Call ``listener`` after changes, once for several of them and perhaps in vain. It only wakes: what has happened
        tells :meth:`read_changes` to whom may see it, and that is asked once more after this has returned.

        The changes of all processes wake: at once those of this one, and in PostgreSQL those of others on whatever
        machine; in SQLite those of other processes within a second, where a server has the drive open.

        :return: what ends it. Whoever waits no more calls it.
        """
        return self._catalogue.on_change(listener)

    async def usage(self, actor: Actor) -> Usage:
        """How much there is of what the actor sees."""
        return await self._catalogue.usage(actor)

    # -- storing -------------------------------------------------------------------------------------------------

    def receive(
        self,
        actor: Actor,
        path: DrivePath,
        *,
        length: int | None,
        replace: bool = True,
        condition: Condition = ALWAYS,
    ) -> AbstractAsyncContextManager[Upload]:
        """
        Take a new content of the file at ``path``. Everything that can be known is checked before the first byte.

        Without :meth:`Upload.finish`, leaving the context throws away what was taken.

        :param length: in bytes, where it is known.
        :param replace: whether there may be a file already.
        :raises CloudError: it cannot be stored there, or there is no room for it.
        """
        return self._uploads.receive(actor, path, length=length, replace=replace, condition=condition)

    # -- changing ------------------------------------------------------------------------------------------------

    async def apply(self, actor: Actor, commands: Sequence[Command]) -> list[Any]:
        """
        Do all of ``commands`` in order, or nothing; what each of them results in.

        :raises CloudError: one cannot be done.
        """
        check_commands(commands, self.limits)
        check_names(commands)
        try:
            if any(isinstance(command, _GROWING) for command in commands):
                await self._uploads.check_growth()
            if any(isinstance(command, Restore) for command in commands):
                return await self._uploads.hold_back(partial(self._catalogue.apply, actor, commands))
            return await self._catalogue.apply(actor, commands)
        except CloudError as problem:
            await self._uploads.tell_shortage(actor, problem)
            raise

    async def make_folder(self, actor: Actor, path: DrivePath, condition: Condition = ALWAYS) -> MadeFolder:
        """
        Make a folder, and those above it that are missing.

        :raises CloudError: a file is in the way.
        """
        return await self._do(actor, MakeFolder(path=path, condition=condition), MadeFolder)

    async def move(
        self,
        actor: Actor,
        path: DrivePath,
        destination: DrivePath,
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
        path: DrivePath,
        *,
        destination: DrivePath | None = None,
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        condition: Condition = ALWAYS,
    ) -> File:
        """
        Change tags and path of a file in one step.

        :raises CloudError: there is no such file, there are too many tags, or something is at the destination, be it
            the file itself.
        """
        tags = EditTags(path=path, add=add, remove=remove, most=self.limits.tags, condition=condition)
        if destination is None:
            return await self._do(actor, tags, File)
        # Another spelling of the name that it has is a new path.
        if destination == path and str((await self.find_file(actor, path)).path) == str(destination):
            raise already_exists(destination)
        try:
            *_, node = await self.apply(actor, [tags, Move(path=path, destination=destination, kind=File)])
        except CommandError as refused:
            # Whoever asked knows of one step only.
            refused.reason.shortage = refused.shortage
            raise refused.reason from None
        return _expect(node, File)

    async def discard(
        self,
        actor: Actor,
        path: DrivePath,
        kind: type[File] | type[Folder] | None = None,
        condition: Condition = ALWAYS,
    ) -> Trashed:
        """
        Put a file or folder into the trash.

        :raises CloudError: it is not there.
        """
        return await self._do(actor, Discard(path=path, kind=kind, condition=condition), Trashed)

    async def restore(self, actor: Actor, entry: TrashId, destination: DrivePath | None = None) -> Node:
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

    async def copy(self, actor: Actor, source: DrivePath, destination: DrivePath) -> Node:
        """
        Make a second file or folder with the same contents, without copying bytes.

        :raises CloudError: the source is not there, or something is at the destination.
        """
        return await self._do(actor, Copy(source=source, destination=destination), (File, Folder))

    async def restore_version(
        self, actor: Actor, path: DrivePath, version: VersionId, condition: Condition = ALWAYS
    ) -> File:
        """
        Make the content of an earlier version current again.

        :raises CloudError: there is no such file or version.
        """
        command = RestoreVersion(path=path, version=version, versions_kept=self.limits.versions, condition=condition)
        return await self._do(actor, command, File)

    async def set_quota(self, actor: Actor, path: DrivePath, quota: int | None) -> Folder:
        """
        Say how many bytes may be stored in a folder; ``None`` where it has no quota of its own any more.

        :raises CloudError: there is no such folder, or so much is in it that it has to be done in parts.
        """
        return await self._do(actor, SetQuota(path=path, quota=quota), Folder)

    # ------------------------------------------------------------------------------------------------------------

    async def _do(self, actor: Actor, command: Command, kind: type[T] | tuple[type[T], ...]) -> T:
        [result] = await self.apply(actor, [command])
        return _expect(result, kind)

    async def _explain_missing(self, actor: Actor, path: DrivePath, version: VersionId | None) -> CloudError:
        """Why there is no such version: there is no file, or it has none of this number."""
        if version is None:
            return file_not_found(path)
        await self.find_file(actor, path)
        return version_not_found(path)


def _expect(result: Any, kind: type[T] | tuple[type[T], ...]) -> T:
    if not isinstance(result, kind):
        raise TypeError(f"a command resulted in {type(result).__name__}")
    return result
