"""A drive with something of everything, and all that a drive tells."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from cloudsvc.administration.tree import walk
from cloudsvc.core.actors import OWNER, Payer, Role
from cloudsvc.drive.commands import StoreFile
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import ROOT_ID, File
from cloudsvc.storage.opened import OpenedDrive
from tests.support.actors import make_guest
from tests.support.administration import fill, store
from tests.support.blobs import load_blob, store_blob
from tests.support.catalogues import gather, hide_checksums

PAYERS: Final = ("anna", "bert")
"""Users to whom it counts."""


async def furnish(drive: OpenedDrive) -> None:
    """Something of everything that a drive can hold."""
    await fill(drive)
    for number in range(3):
        await store(drive, "plain.txt", b"version %d" % number, modified_at=number)
    await store(drive, "e\N{COMBINING ACUTE ACCENT}/tagged", b"tagged", "red", "blue")
    unknown = hide_checksums(await store_blob(drive.blobs, b"unknown"))
    await drive.catalogue.apply(
        OWNER, [StoreFile(path=parse_path("unknown"), blob=unknown, media_type="a/b", versions_kept=1)]
    )
    # What counts to users, in all that it can be.
    for name in PAYERS:
        payer = evolve(OWNER, payer=Payer(name=name, quota=10**6))
        for destination in ("paid/file", "lost"):
            await drive.drive.copy(payer, parse_path("plain.txt"), parse_path(f"{destination} of {name}"))
    await drive.drive.discard(OWNER, parse_path("lost of anna"))
    for path in ("kept", "kept", "back", "gone"):
        await store(drive, f"folder/{path}", path.encode())
        await drive.drive.discard(OWNER, parse_path(f"folder/{path}"))
    entries = {str(entry.node.path): entry.id for entry in (await drive.drive.list_trash(OWNER, 10)).items}
    await drive.drive.restore(OWNER, entries["folder/back"])
    await drive.drive.purge(OWNER, entries["folder/gone"])
    await drive.drive.copy(OWNER, parse_path("folder"), parse_path("copy"))
    # The folder is younger than what is in it then.
    await drive.drive.move(OWNER, parse_path("folder"), parse_path("new/folder"))
    await drive.drive.set_quota(OWNER, parse_path("new/folder"), 10**6)
    await drive.drive.set_quota(OWNER, parse_path("copy"), 10**6)
    # An entry of the trash in which something counts to another account than the rest.
    await fill(drive, {"both/a": b"of the root", "both/own/b": b"of a quota owner"})
    await drive.drive.set_quota(OWNER, parse_path("both/own"), 10**6)
    await drive.drive.discard(OWNER, parse_path("both"))


async def describe(drive: OpenedDrive) -> list[str]:
    """All that a drive tells, but for the name of its history."""
    nodes = [node async for _, page in walk(drive.catalogue) for node in page]
    blobs = await gather(drive.catalogue.list_blobs)
    changes = await drive.catalogue.read_changes(OWNER, 0, 1000)
    readers = [make_guest((Role.VIEWER, node.id)) for node in nodes if not isinstance(node, File)]
    quotas = await drive.catalogue.list_quotas()
    owners = [ROOT_ID, *[quota.account.owner for quota in quotas]]
    told = [
        *nodes,
        *[
            version
            for node in nodes
            if isinstance(node, File)
            for version in await gather(lambda *page: drive.catalogue.list_versions(OWNER, node.path, *page))  # noqa: B023  # awaited
        ],
        *[await gather(lambda *page: drive.catalogue.list_trash(actor, *page)) for actor in (OWNER, *readers)],  # noqa: B023  # awaited
        *[(await drive.catalogue.read_changes(actor, 0, 1000)).items for actor in (OWNER, *readers)],
        *blobs,
        *[(await drive.catalogue.find_users(blob.id), await load_blob(drive.blobs, blob)) for blob in blobs],
        *await drive.catalogue.list_unmeasured(100),
        *quotas,
        *[await drive.catalogue.evictable_bytes(owner) for owner in owners],
        *[await drive.catalogue.droppable_bytes(owner) for owner in owners],
        *await drive.catalogue.find_miscounts(),
        await drive.catalogue.count_paid_bytes(PAYERS),
        *[await drive.catalogue.droppable_paid_bytes(name) for name in PAYERS],
        *await drive.catalogue.find_miscounted_payers(),
        evolve(await drive.catalogue.usage(OWNER), catalogue_bytes=0),
        await drive.catalogue.reclaimable_bytes(),
    ]
    return [repr(each).replace(changes.epoch, "EPOCH") for each in told]
