"""Upload checks: where a file may be, how large it may be, and whether there is room for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.capacity import Capacity
from cloudsvc.drive.catalogue import Tree
from cloudsvc.drive.commands import ALWAYS, Condition, State
from cloudsvc.drive.errors import already_exists, file_too_large, is_file, no_space
from cloudsvc.drive.free_space import FreeSpace
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import File, Node
from cloudsvc.drive.shortages import find_shortage
from cloudsvc.drive.upload import Upload

T = TypeVar("T")


@frozen(kw_only=True)
class Uploads:
    """
    Takes contents of files, whoever brings them.

    What it checks the commit will check again, in the same order, so that a hopeless upload costs nothing.
    """

    _catalogue: Tree
    _blobs: BlobStore
    _capacity: Capacity
    _free_space: FreeSpace
    limits: Limits

    @asynccontextmanager
    async def receive(
        self,
        actor: Actor,
        path: DrivePath,
        *,
        length: int | None,
        replace: bool = True,
        condition: Condition = ALWAYS,
    ) -> AsyncIterator[Upload]:
        """See :meth:`cloudsvc.drive.drive.Drive.receive`."""
        try:
            upload = await self._begin(actor, path, length=length, replace=replace, condition=condition)
            try:
                yield upload
            finally:
                await upload.close()
        except CloudError as problem:
            await self.tell_shortage(actor, problem)
            raise

    async def _begin(
        self, actor: Actor, path: DrivePath, *, length: int | None, replace: bool, condition: Condition
    ) -> Upload:
        settled = self._capacity.settled
        place = await self._catalogue.check_place(actor, path, replace=replace)
        known = place.file
        state = State.of(known) if known else None
        condition.check(path, state)
        if known is not None and not replace:
            raise already_exists(path)
        if length is not None:
            self.check_size(length)
        # What is announced may never come: room is looked for, and not held.
        leaving = known.version.blob.size if known is not None and self.limits.versions == 1 else 0
        room = self._capacity.open_room(actor, place.owner, leaving, leaving if place.is_paid else 0)
        await self._capacity.check_at(room, place, length or 0, settled)
        await self._check_space(length or 0)
        writer = await self._blobs.create()
        return Upload(
            path=path,
            actor=actor,
            condition=condition.settle(state),
            replace=replace,
            limits=self.limits,
            catalogue=self._catalogue,
            writer=writer,
            capacity=self._capacity,
            room=room,
        )

    async def tell_shortage(self, actor: Actor, problem: CloudError) -> None:
        """Let ``problem`` tell which quota is used up, if one is, as far as the actor may know of it."""
        problem.shortage = await find_shortage(actor, problem, self._catalogue, self._capacity.catalogue)

    async def find_place(self, actor: Actor, path: DrivePath) -> File | None:
        """
        The file that one at ``path`` would take the place of, if any.

        :raises CloudError: there can be none.
        """
        return (await self._catalogue.check_place(actor, path, replace=True)).file

    async def check_folder(self, actor: Actor, path: DrivePath) -> None:
        """
        See that ``path`` is a folder or can become one.

        :raises CloudError: it or something above it is a file.
        """
        found: Node | None = None
        while found is None and path:
            found = await self._catalogue.find(actor, path)
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

    async def check_growth(self) -> None:
        """
        See that the catalogue may grow.

        :raises CloudError: it takes more than it has to itself, and the drive is full.
        """
        await self._capacity.check_catalogue()

    async def hold_back(self, restore: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What ``restore`` returns, which takes something out of the trash: not while room is made of that."""
        return await self._capacity.hold_back(restore)

    async def check_room(self, size: int) -> None:
        """
        See that there is room for ``size`` bytes more.

        :raises CloudError: there is none, also when everything is given up that may be.
        """
        await self._capacity.check(size)
        await self._check_space(size)

    async def _check_space(self, size: int) -> None:
        if size and not await self._free_space.holds(size):
            raise no_space()
