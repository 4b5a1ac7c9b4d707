"""Upload in flight: checked before its first byte, safe from its last one on."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, evolve
from twisted.internet.defer import Deferred

from cloudsvc.core.actors import Actor
from cloudsvc.core.coroutines import shield
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.accounts import Allowance
from cloudsvc.drive.blobs import BlobWriter
from cloudsvc.drive.capacity import Capacity, Room
from cloudsvc.drive.catalogue import Tree
from cloudsvc.drive.commands import Command, Condition, StoredFile, StoreFile
from cloudsvc.drive.errors import digest_mismatch, file_too_large
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.media_types import guess_type
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, Instant
from cloudsvc.drive.tags import check_commands


@define(eq=False, kw_only=True)
class Upload:
    """
    Takes the bytes of a file. One caller at a time; :meth:`cloudsvc.drive.drive.Drive.receive` makes it and ends it.

    Once :meth:`finish` has begun, what arrived belongs to it: cancelling whoever waits does not undo anything.
    """

    path: DrivePath
    _actor: Actor
    _condition: Condition
    _replace: bool
    _limits: Limits
    _catalogue: Tree
    _writer: BlobWriter
    _capacity: Capacity
    _room: Room
    _finishing: Deferred[StoredFile] | None = None

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        return self._writer.size

    async def write(self, data: bytes) -> None:
        """
        Take ``data``.

        :raises CloudError: it is more than may be, or there is no room for it.
        """
        size = self._writer.size + len(data)
        if size > self._limits.file_bytes:
            raise file_too_large(self._limits.file_bytes)
        if size - self._room.size >= self._limits.upload_step:
            await self._room.grow(size)
        await self._writer.write(data)

    async def finish(
        self,
        *,
        media_type: str | None = None,
        digest: bytes | None = None,
        modified_at: Instant | None = None,
        also: Sequence[Command] = (),
    ) -> StoredFile:
        """
        Make what was taken the content of the file. When this returns, a power failure cannot take it any more.

        :param media_type: as declared; ``None`` lets the name tell.
        :param digest: the SHA-256 that the bytes must have; ``None`` where nobody said.
        :param modified_at: when the content was last changed; ``None`` where nobody said.
        :param also: what is done right after it, in the same step.
        :raises CloudError: the condition does not hold any more, the digest is another, a command of ``also`` cannot be
            done, or the storage fails.
        """
        check_commands(also, self._limits)
        await self._room.grow(self._writer.size)
        self._finishing = shield(self._finish(media_type or guess_type(self.path), digest, modified_at, also))
        return await self._finishing

    async def close(self) -> None:
        """Throw away what was taken, unless :meth:`finish` has begun."""
        if self._finishing is None:
            try:
                await self._writer.discard()
            finally:
                self._room.give_back()

    async def _finish(
        self, media_type: str, digest: bytes | None, modified_at: Instant | None, also: Sequence[Command]
    ) -> StoredFile:
        try:
            blob = await self._seal(digest)
            store = StoreFile(
                path=self.path,
                blob=blob,
                media_type=media_type,
                versions_kept=self._limits.versions,
                replace=self._replace,
                modified_at=modified_at,
                condition=self._condition,
            )
            return await self._commit(store, also)
        finally:
            self._room.give_back()

    async def _seal(self, digest: bytes | None) -> Blob:
        try:
            blob = await self._writer.seal()
        except BaseException:
            await self._writer.discard()
            raise
        if digest is not None and digest != blob.digest:
            await self._writer.discard()
            raise digest_mismatch()
        return blob

    async def _is_unknown(self, blob: Blob) -> bool:
        try:
            return bool(await self._catalogue.find_unknown([blob.id]))
        except CloudError:
            return False

    async def _commit(self, store: StoreFile, also: Sequence[Command]) -> StoredFile:
        async def apply(capacity: int, allowance: Allowance) -> StoredFile:
            allowed = evolve(store, capacity=capacity, allowance=allowance)
            first, *_ = await self._catalogue.apply(self._actor, [allowed, *also])
            # From here on it counts as stored.
            self._room.give_back()
            result: StoredFile = first
            return result

        try:
            stored = await self._capacity.admit(self._actor, store.blob.size, apply, self._room.leaving)
        except CloudError as problem:
            if problem.kind is not Kind.UNAVAILABLE or await self._is_unknown(store.blob):
                await self._writer.discard()
            else:
                # It may have been committed all the same, and then the blob is the file. If not, it is orphaned.
                self._writer.close()
            raise
        except BaseException:
            self._writer.close()
            raise
        if stored.deduplicated:
            # What is stored already may be damaged by now, and what has just arrived is whole.
            await self._writer.replace(stored.file.version.blob.id)
        self._writer.close()
        return stored
