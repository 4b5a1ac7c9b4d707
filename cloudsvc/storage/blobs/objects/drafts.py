"""Draft of a blob: the objects and the upload that become one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import define, field
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from cloudsvc.drive.checksums import Checksums
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.blobs.objects.calls import Calls
from cloudsvc.storage.blobs.objects.client import ObjectClient
from cloudsvc.storage.blobs.objects.copying import copy_object
from cloudsvc.storage.blobs.objects.faults import ObjectMissing, StoreFault, UploadMissing
from cloudsvc.storage.blobs.objects.keys import Keys
from cloudsvc.storage.blobs.objects.parts import PartSizes
from cloudsvc.storage.blobs.objects.states import State

_log = Logger("cloudsvc.storage")

UNHASHED: Final = 64 * 2**20
"""Bytes up to which a blob that was resumed is read again when it is sealed, for parts cannot be read before. Where
there are more its checksums stay unknown, and a background job reads it."""

_PIECE: Final = 4 * 2**20
"""Bytes that are then read in one request."""


@define(eq=False, kw_only=True)
class Draft:
    """
    What of a blob is in the store. Its methods are called one after another, but for :meth:`append`: several parts may
    be on their way.

    :ivar size: bytes that are stored, or on their way.
    :ivar state: key of the object that says what is durable; ``None`` where nothing is.
    :ivar is_marked: whether it says in the store that this blob has just been sealed.
    """

    id: BlobId
    calls: Calls
    _keys: Keys
    _sizes: PartSizes
    size: int = 0
    state: str | None = None
    is_marked: bool = False
    _upload: str | None = None
    _parts: int = 0
    _tags: dict[int, str] = field(factory=dict)
    _checksums: Checksums = field(factory=Checksums)
    _in_order: DeferredLock = field(factory=DeferredLock)
    _is_there: bool = False
    _is_shared: bool = False

    @classmethod
    def resume(cls, blob: BlobId, calls: Calls, keys: Keys, sizes: PartSizes, state: State) -> Draft:
        """That of ``blob``, but for the rest in ``state``, which is still to be appended."""
        return cls(
            id=blob,
            calls=calls,
            keys=keys,
            sizes=sizes,
            size=state.stored,
            state=keys.find_state(blob, state.size),
            upload=state.upload,
            parts=len(state.tags),
            tags=dict(enumerate(state.tags, 1)),
            is_shared=True,
        )

    @property
    def part_size(self) -> int | None:
        """How many bytes the next part has; ``None`` where there cannot be another one."""
        return self._sizes.find(self._parts + 1) if self._parts < self._sizes.most else None

    async def append(self, content: bytes) -> None:
        """Store the next part."""
        self._parts += 1
        number, start, self.size = self._parts, self.size, self.size + len(content)
        # In the order of the bytes: those that begin first are hashed first, whichever is stored first.
        async with self._in_order:
            await self._hash(start, content)
            if self._upload is None:
                self._upload = await self.calls.run(lambda client: client.begin_upload(self._key))
            upload = self._upload
        self._tags[number] = await self.calls.run(
            lambda client: client.upload_part(self._key, upload, number, content), len(content)
        )

    async def sync(self, rest: bytes) -> None:
        """Make durable what was appended, and ``rest`` behind it."""
        state = State(upload=self._upload, tags=self._list_tags(), stored=self.size, rest=rest)
        self._is_shared = True
        former, self.state = self.state, await self._store_state(state)
        if former not in {None, self.state}:
            await self._tidy([str(former)])

    async def complete(self, rest: bytes) -> Blob:
        """Make a blob of what was appended, and ``rest`` behind it."""
        if self._parts:
            if rest:
                await self.append(rest)
            await self._complete_upload()
        else:
            await self._hash(0, rest)
            self.size = len(rest)
            self._is_there = True
            await self.calls.run(lambda client: client.put(self._key, rest), len(rest))
        if self._checksums.size < self.size <= UNHASHED:
            await self._read_again()
        await self._forget_states()
        if self._checksums.size < self.size:
            return Blob(id=self.id, size=self.size, digest=None)
        return Blob(id=self.id, size=self.size, digest=self._checksums.digest, crc32=self._checksums.crc32)

    async def replace(self, blob: BlobId) -> None:
        """Take the place of another."""
        place = self._keys.find(blob)
        await copy_object(self.calls, self._sizes, self._key, place)
        await self._tidy([self._key])
        self._is_there = False

    async def remove(self) -> None:
        """
        Remove whatever there is of it, durable or not.

        What others could go on with, another may have sealed, though nobody should have let it. So that is not removed:
        it is an orphaned blob, if the catalogue does not know it.
        """
        upload, self._upload = self._upload, None
        if upload is not None:
            await self.calls.run(lambda client: client.abort(self._key, upload))
        if self._is_there and not self._is_shared:
            await self._delete([self._key])
        if self.state is not None:
            await self._delete(await self._list_states())
            self.state = None

    async def unmark(self) -> None:
        """The catalogue knows the blob now, or never will. What fails is logged."""
        if self.is_marked:
            self.is_marked = False
            await self._tidy([self._keys.find_mark(self.id)])

    @property
    def _key(self) -> str:
        return self._keys.find(self.id)

    async def _hash(self, start: int, content: bytes) -> None:
        """Hash ``content``, unless there are bytes before it that were not."""
        if self._checksums.size == start:
            await self.calls.threads.run(self._checksums.add, content)

    async def _complete_upload(self) -> None:
        upload, tags, mark = self._upload, self._list_tags(), self._keys.find_mark(self.id)
        if upload is None:
            raise ValueError("no upload was begun")
        # The store dates it back to when the upload was begun (S3), and whoever cleans up goes by that.
        self.is_marked = True
        await self.calls.run(lambda client: client.put(mark, b""))
        self._is_there = True
        await self.calls.run(lambda client: client.complete(self._key, upload, tags, self.size))
        self._upload = None

    async def _read_again(self) -> None:
        checksums = Checksums()
        for start in range(0, self.size, _PIECE):
            stop = min(start + _PIECE, self.size)
            await self.calls.threads.run(checksums.add, await self._read(start, stop))
        self._checksums = checksums

    async def _read(self, start: int, stop: int) -> bytes:
        return await self.calls.run(lambda client: client.read(self._key, start, stop), stop - start)

    async def _store_state(self, state: State) -> str:
        key, content = self._keys.find_state(self.id, state.size), state.encode()
        await self.calls.run(lambda client: client.put(key, content), len(content))
        return key

    async def _forget_states(self) -> None:
        if self.state is not None:
            self.state = None
            try:
                await self._delete(await self._list_states())
            except (StoreFault, ObjectMissing) as problem:
                _log.warn("the state of a sealed blob cannot be deleted yet: {reason}", reason=str(problem))

    async def _list_states(self) -> Sequence[str]:
        prefix = self._keys.find_states(self.id)
        found, _ = await self.calls.run(lambda client: client.list(prefix))
        return [each.key for each in found]

    async def _delete(self, keys: Sequence[str]) -> None:
        def delete(client: ObjectClient) -> None:
            if problems := client.delete(keys):
                raise StoreFault("delete_objects", next(iter(problems.values())), is_temporary=True)

        if keys:
            await self.calls.run(delete)

    async def _tidy(self, keys: Sequence[str]) -> None:
        """Delete what does no harm where it stays."""
        try:
            await self._delete(keys)
        except (StoreFault, UploadMissing, ObjectMissing) as problem:
            _log.warn("an object that is not needed any more stays: {reason}", reason=str(problem))

    def _list_tags(self) -> Sequence[str]:
        return [self._tags[number] for number in range(1, self._parts + 1)]
