"""Backups, written while the server runs."""

from __future__ import annotations

import os
import pathlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import IO, TYPE_CHECKING, Final

from attrs import frozen

from cloudsvc.administration.archive import ACCOUNTS_NAME, CATALOGUE_NAME, ArchiveWriter, BadArchive, name_blob
from cloudsvc.administration.faults import BackupExistsError
from cloudsvc.administration.progress import Progress
from cloudsvc.core.durable_files import lock, open_unlinked, publish, sync
from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobMissing, BlobStore
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.inventory import list_blobs
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, Instant, VersionId, format_instant
from cloudsvc.storage.consistent_copies import ConsistentCopies

if TYPE_CHECKING:
    from cloudsvc.storage.account_copies import Accounts  # it needs the database

_NAMED: Final = 5
"""Damaged files that a fault names."""

_OWNER_ONLY: Final = 0o600


@frozen(kw_only=True)
class BackedUp:
    """What a backup holds: so many blobs, and bytes of them."""

    blobs: int
    size: int


@frozen(kw_only=True)
class Backup:
    """
    Copies the drive as it is at one moment: the catalogue, and every blob that it refers to; and the accounts.

    :ivar accounts: those of the home; ``None`` where they are left out.
    """

    copies: ConsistentCopies
    blobs: BlobStore
    disk: ThreadRunner
    now: Callable[[], Instant]
    accounts: Accounts | None = None

    async def write(self, file: pathlib.Path, progress: Progress, *, replace: bool = False) -> BackedUp:
        """
        Write it to ``file``, which appears when it is complete and durable. Until then it is called ``FILE.part``.

        :param replace: whether there may be an older one.
        :raises OperatorError: it cannot be written, or a blob is damaged.
        :raises CloudError: the storage fails.
        """
        with _telling(str(file)):
            async with self._stage(file, replace=replace) as stream:
                return await self._write(stream, progress)

    async def pipe(self, stream: IO[bytes], progress: Progress) -> BackedUp:
        """
        Write it to ``stream``, such as standard output. What breaks off has no end, and cannot be restored.

        :param stream: without a buffer of its own, which would hide that nobody reads.
        :raises OperatorError: as :meth:`write`.
        :raises CloudError: the storage fails.
        """
        with _telling("standard output"):
            return await self._write(stream, progress)

    async def _write(self, stream: IO[bytes], progress: Progress) -> BackedUp:
        async with self.copies.hold() as snapshot:
            writer = await self.disk.run(ArchiveWriter, stream, format_instant(self.now()))
            await self.disk.run(writer.add, CATALOGUE_NAME, snapshot.content, snapshot.size)
            result = await self._add_blobs(writer, snapshot.catalogue, progress)
        if self.accounts is not None:
            async with self.accounts.copy() as copy:
                if copy is not None:
                    await self.disk.run(writer.add, ACCOUNTS_NAME, copy.content, copy.size)
        await self.disk.run(writer.end)
        return result

    async def _add_blobs(self, writer: ArchiveWriter, catalogue: Catalogue, progress: Progress) -> BackedUp:
        progress.begin("copying", await catalogue.stored_bytes())
        count = size = 0
        async for page in list_blobs(catalogue):
            for blob in page:
                if not await self._add_blob(writer, blob):
                    raise _damaged(await catalogue.find_users(blob.id))
                progress.advance(blob.size)
                count, size = count + 1, size + blob.size
        return BackedUp(blobs=count, size=size)

    async def _add_blob(self, writer: ArchiveWriter, blob: Blob) -> bool:
        """Whether it is whole. If not, so is the archive."""
        try:
            reader = await self.blobs.open(blob)
        except (BlobMissing, CloudError):
            return False
        try:
            if reader.size != blob.size:
                return False
            await self.disk.run(writer.begin, name_blob(blob.id), blob.size)
            async for piece in reader.stream(0, blob.size):
                await self.disk.run(writer.write, piece)
            member = await self.disk.run(writer.complete)
        except CloudError:
            return False
        finally:
            await reader.close()
        return blob.digest in {None, member.digest}

    @asynccontextmanager
    async def _stage(self, file: pathlib.Path, *, replace: bool) -> AsyncIterator[IO[bytes]]:
        if not replace and await self.disk.run(file.exists):
            raise BackupExistsError([f"{file} is there already"])
        staged = file.with_name(f"{file.name}.part")
        with await self.disk.run(_open_alone, staged) as stream:
            try:
                yield stream
                await self.disk.run(sync, stream)
                await self.disk.run(publish, staged, file)
            except BaseException:
                # As long as it is locked: later it may be another program's.
                staged.unlink(missing_ok=True)
                raise


@contextmanager
def _telling(target: str) -> Iterator[None]:
    """Meanwhile ``target`` is written."""
    try:
        yield
    except BadArchive as problem:
        raise OperatorError(
            [f"{target} cannot be written, for a copy of the catalogue is no good: {problem}"]
        ) from None
    except OSError as problem:
        raise OperatorError([f"{target} cannot be written: {problem.strerror}; nothing has changed"]) from None


def _open_alone(staged: pathlib.Path) -> IO[bytes]:
    descriptor = open_unlinked(staged, os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
    stream = os.fdopen(descriptor, "wb")
    if os.fstat(descriptor).st_uid != os.geteuid():
        # Whoever made it may have it open, and would read what is written to it.
        stream.close()
        raise OperatorError([f"{staged} belongs to another user; remove it, or name a file in a directory of your own"])
    # Whoever had the lock until now may have given the file its name.
    if not lock(descriptor) or not (staged.exists() and os.path.samestat(staged.stat(), os.fstat(descriptor))):
        stream.close()
        raise OperatorError([f"another backup is being written to {staged}; wait for it, or stop it"])
    os.fchmod(descriptor, _OWNER_ONLY)
    os.ftruncate(descriptor, 0)
    return stream


def _damaged(users: Sequence[tuple[DrivePath, VersionId]]) -> OperatorError:
    paths = ", ".join(sorted({repr(str(path)) for path, _ in users})[:_NAMED])
    advice = "`cloudsvc verify` names all damaged files, `cloudsvc export` writes out all that are whole"
    return OperatorError([f"{paths} would be in the backup, but cannot be read whole; {advice}"])
