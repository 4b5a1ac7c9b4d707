"""The rules of what is stored: where a file may be, how large it may be, and whether there is room for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.capacity import Capacity
from cloudsvc.drive.catalogue import Tree
from cloudsvc.drive.commands import ALWAYS, Condition
from cloudsvc.drive.errors import already_exists, file_too_large, is_file, is_folder, no_space, root_is_fixed
from cloudsvc.drive.incoming import Incoming
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import File, Folder, Node


@frozen(kw_only=True)
class Reception:
    """
    Takes contents of files, whoever brings them.

    What it checks the commit will check again, in the same order, so that a hopeless upload costs nothing.
    """

    _catalogue: Tree
    _blobs: BlobStore
    _capacity: Capacity
    limits: Limits

    @asynccontextmanager
    async def receive(
        self,
        actor: Actor,
        path: Path,
        *,
        length: int | None,
        replace: bool = True,
        condition: Condition = ALWAYS,
    ) -> AsyncIterator[Incoming]:
        """See :meth:`cloudsvc.drive.drive.Drive.receive`."""
        known = await self.find_place(path)
        condition.check(path, known.version.validator if known else None)
        if known is not None and not replace:
            raise already_exists(path)
        if length is not None:
            self.check_size(length)
        if length:
            await self._check_disk(length)
        room = await self._capacity.promise(length or 0)
        try:
            writer = await self._blobs.create()
        except BaseException:
            room.give_back()
            raise
        incoming = Incoming(
            path=path,
            actor=actor,
            condition=condition,
            replace=replace,
            limits=self.limits,
            catalogue=self._catalogue,
            writer=writer,
            room=room,
        )
        try:
            yield incoming
        finally:
            await incoming.close()

    async def find_place(self, path: Path) -> File | None:
        """
        The file that one at ``path`` would take the place of, if any.

        :raises CloudError: there can be none.
        """
        if not path:
            raise root_is_fixed()
        node = await self._catalogue.find(path)
        if isinstance(node, Folder):
            raise is_folder(path)
        if node is None:
            await self.check_folder(path.parent)
        return node

    async def check_folder(self, path: Path) -> None:
        """
        See that ``path`` is a folder or can become one.

        :raises CloudError: it or something above it is a file.
        """
        found: Node | None = None
        while found is None and path:
            found = await self._catalogue.find(path)
            if isinstance(found, File):
                raise is_file(path)
            path = path.parent

    def check_size(self, size: int) -> None:
        """
        See that a file may have ``size`` bytes.

        :raises CloudError: they are too many.
        """
        if size > self.limits.file_bytes:
            raise file_too_large(self.limits.file_bytes)

    async def check_room(self, size: int) -> None:
        """
        See that there is room for ``size`` bytes more.

        :raises CloudError: there is none, also when everything is given up that may be.
        """
        await self._capacity.check(size)
        await self._check_disk(size)

    async def _check_disk(self, size: int) -> None:
        if size > await self._blobs.free_bytes():
            raise no_space()
