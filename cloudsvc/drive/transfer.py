"""Transfer of a blob from one store to another, verified while it passes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from cloudsvc.core.errors import CloudError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobMissing, BlobReader, BlobStore
from cloudsvc.drive.checksums import Checksums
from cloudsvc.drive.nodes import Blob
from cloudsvc.drive.replacement import Unusable


async def transfer_blob(source: BlobStore, target: BlobStore, blob: Blob, threads: ThreadRunner) -> None:
    """
    Give ``target`` a blob of ``source``, durably and under the same id, whatever it has there.

    :param threads: where checksums are computed.
    :raises Unusable: the source does not have it, cannot read it, or has other bytes. The target has nothing of it.
    :raises CloudError: the target fails.
    """
    try:
        reader = await source.open(blob)
    except (BlobMissing, CloudError) as problem:
        raise Unusable(f"blob {blob.id} cannot be opened") from problem
    try:
        if reader.size != blob.size:
            raise Unusable(f"blob {blob.id} is of another size")
        await _transfer(reader, target, blob, threads)
    finally:
        await reader.close()


async def _transfer(reader: BlobReader, target: BlobStore, blob: Blob, threads: ThreadRunner) -> None:
    writer = await target.create()
    try:
        async with aclosing(_read_verified(reader, blob, threads)) as pieces:
            async for piece in pieces:
                await writer.write(piece)
        await writer.seal()
    except BaseException:
        await writer.discard()
        raise
    await writer.replace(blob.id)


async def _read_verified(reader: BlobReader, blob: Blob, threads: ThreadRunner) -> AsyncGenerator[bytes, None]:
    """
    The bytes of ``blob``, in pieces.

    :raises Unusable: they cannot be read; or, after the last one, they are others.
    """
    checksums = Checksums()
    async with aclosing(reader.stream(0, blob.size)) as pieces:
        while True:
            try:
                piece = await anext(pieces, None)
            except CloudError as problem:
                raise Unusable(f"blob {blob.id} cannot be read") from problem
            if piece is None:
                break
            await threads.run(checksums.add, piece)
            yield piece
    # What the catalogue does not know yet cannot be compared.
    if blob.digest not in {None, checksums.digest} or blob.crc32 not in {None, checksums.crc32}:
        raise Unusable(f"blob {blob.id} is altered")
