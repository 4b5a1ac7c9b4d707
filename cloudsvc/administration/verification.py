"""Verification of a drive: everything is read again."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field, frozen

from cloudsvc.administration.concurrency import for_each
from cloudsvc.administration.progress import Progress
from cloudsvc.core.errors import CloudError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.accounts import Miscount, MiscountedPayer
from cloudsvc.drive.blobs import BlobMissing, BlobStore
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.inventory import list_blobs
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, VersionId
from cloudsvc.drive.verification import Damage, verify_blob


@frozen(kw_only=True)
class DamagedBlob:
    """
    A blob that is not what was stored.

    :ivar users: which versions of which files consist of it.
    """

    blob: Blob
    damage: Damage
    users: Sequence[tuple[DrivePath, VersionId]]


@define(kw_only=True)
class Verdict:
    """
    What was found.

    :ivar blobs: how many were read.
    :ivar size: their bytes.
    :ivar miscounts: of folders with a quota, those whose account is not what is stored.
    :ivar miscounted_payers: of users, those likewise.
    """

    blobs: int = 0
    size: int = 0
    damaged: list[DamagedBlob] = field(factory=list)
    miscounts: Sequence[Miscount] = field(factory=list)
    miscounted_payers: Sequence[MiscountedPayer] = field(factory=list)


async def verify_drive(catalogue: Catalogue, blobs: BlobStore, disk: ThreadRunner, progress: Progress) -> Verdict:
    """
    Read every blob that the catalogue refers to, and compare; and count what is stored for each quota.

    :param disk: threads in which hashes are computed.
    :raises CloudError: the storage fails.
    """
    verdict = Verdict()
    progress.begin("verifying", await catalogue.stored_bytes())

    async def verify(blob: Blob) -> None:
        damage = await _find_damage(blobs, blob, disk)
        # Asked after reading: a blob that nothing needs any more may have been collected meanwhile.
        if damage is not None and (users := await catalogue.find_users(blob.id)):
            verdict.damaged.append(DamagedBlob(blob=blob, damage=damage, users=users))
        verdict.blobs += 1
        verdict.size += blob.size
        progress.advance(blob.size)

    async for page in list_blobs(catalogue):
        await for_each(page, verify)
    verdict.miscounts = await catalogue.find_miscounts()
    verdict.miscounted_payers = await catalogue.find_miscounted_payers()
    return verdict


async def _find_damage(blobs: BlobStore, blob: Blob, disk: ThreadRunner) -> Damage | None:
    try:
        reader = await blobs.open(blob)
    except BlobMissing:
        return Damage.MISSING
    except CloudError:
        return Damage.UNREADABLE
    try:
        return await verify_blob(reader, blob, disk)
    finally:
        await reader.close()
