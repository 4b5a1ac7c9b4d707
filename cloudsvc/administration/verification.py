"""Read everything again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen

from cloudsvc.administration.concurrency import for_each
from cloudsvc.administration.progress import Progress
from cloudsvc.administration.tree import list_blobs
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.blobs import BlobMissing, BlobStore
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import Blob, VersionId

_PIECE: Final = 4 * 1024 * 1024


@frozen(kw_only=True)
class Damage:
    """
    A blob that is not what was stored.

    :ivar problem: in a word.
    :ivar users: which versions of which files consist of it.
    """

    blob: Blob
    problem: str
    users: Sequence[tuple[Path, VersionId]]


@define(kw_only=True)
class Verdict:
    """
    What was found.

    :ivar blobs: how many were read.
    :ivar size: their bytes.
    """

    blobs: int = 0
    size: int = 0
    damages: list[Damage] = field(factory=list)


async def verify_drive(catalogue: Catalogue, blobs: BlobStore, progress: Progress) -> Verdict:
    """
    Read every blob that the catalogue refers to, and compare.

    :raises CloudError: the storage fails.
    """
    verdict = Verdict()
    progress.begin("verifying", await catalogue.stored_bytes())

    async def verify(blob: Blob) -> None:
        problem = await _find_problem(blobs, blob)
        # Asked after reading: a blob that nothing needs any more may have been collected meanwhile.
        if problem is not None and (users := await catalogue.find_users(blob.id)):
            verdict.damages.append(Damage(blob=blob, problem=problem, users=users))
        verdict.blobs += 1
        verdict.size += blob.size
        progress.advance(blob.size)

    async for page in list_blobs(catalogue):
        await for_each(page, verify)
    return verdict


async def _find_problem(blobs: BlobStore, blob: Blob) -> str | None:
    """What is wrong with ``blob``, if anything."""
    digest, offset = hashlib.sha256(), 0
    try:
        reader = await blobs.open(blob.id)
        try:
            while piece := await reader.read(offset, _PIECE):
                digest.update(piece)
                offset += len(piece)
        finally:
            await reader.close()
    except BlobMissing:
        return "missing"
    except CloudError:
        return "unreadable"
    return None if (offset, digest.digest()) == (blob.size, blob.digest) else "damaged"
