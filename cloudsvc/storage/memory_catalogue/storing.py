"""Commands that give files their contents."""

from __future__ import annotations

from attrs import evolve

from cloudsvc.drive.accounts import NO_ALLOWANCE
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import RestoreVersion, StoredFile, StoreFile
from cloudsvc.drive.errors import already_exists, is_folder, no_capacity, version_not_found
from cloudsvc.drive.nodes import Blob, BlobId, File, NodeId, VersionId
from cloudsvc.storage.memory_catalogue import payers
from cloudsvc.storage.memory_catalogue.accounts import check_quota, find_owner
from cloudsvc.storage.memory_catalogue.context import Context
from cloudsvc.storage.memory_catalogue.tables import Content, Entry, KnownBlob, Tables


def store_file(context: Context, command: StoreFile) -> StoredFile:
    """As the command says."""
    place = context.open_place(command.path)
    entry, path = place.taken, place.told
    if entry is None:
        command.condition.check(path, None)
    else:
        if not entry.is_file:
            raise is_folder(path)
        context.check(command.condition, entry, path)
        if not command.replace:
            raise already_exists(path)
    owner = find_owner(context.tables, place.above)
    allowance = command.allowance if command.allowance.owner == owner else NO_ALLOWANCE
    capacity = None if command.capacity is None else command.capacity + allowance.drive
    blob = _deduplicate(context.tables, command.blob, capacity, owner)
    before = entry or context.insert(place.folder, place.path.name, is_file=True)
    after = _store(context, before, command, blob, owner)
    if after != before:
        context.tables.put(after)
        context.note(ChangeKind.CHANGED if entry else ChangeKind.CREATED, place.hold(after))
        if _find_newest(after) != _find_newest(before):
            check_quota(context.tables, owner, allowance.quota)
            payers.check_quota(context.tables, context.actor, owner, command.allowance.payer)
    file = context.file(before.id, path)
    return StoredFile(file=file, created=entry is None, deduplicated=blob != command.blob.id)


def restore_version(context: Context, command: RestoreVersion) -> File:
    """As the command says."""
    file = context.locate(command.path, File)
    entry = file.entry
    context.check(command.condition, entry, file.path)
    content = next((each for each in entry.contents if each.id == command.version), None)
    if content is None:
        raise version_not_found(file.path)
    if content is not entry.contents[-1]:
        owner = find_owner(context.tables, file.chain)
        restored = evolve(content, account=owner, payer=payers.name_payer(context.actor))
        context.tables.put(_add_version(context, entry, restored, kept=command.versions_kept))
        check_quota(context.tables, owner)
        payers.check_quota(context.tables, context.actor, owner)
        context.note(ChangeKind.CHANGED, file)
    return context.file(entry.id, file.path)


def find_equal(tables: Tables, blob: Blob) -> BlobId | None:
    """Another blob with the same bytes that may be referred to, or the one itself where it is known already."""
    return next(
        (
            known.blob.id
            for known in tables.blobs.values()
            if not known.marked and (known.blob.digest, known.blob.size) == (blob.digest, blob.size)
        ),
        None,
    )


def _deduplicate(tables: Tables, brought: Blob, capacity: int | None, owner: NodeId) -> BlobId:
    """
    The blob to refer to.

    :raises CloudError: it is more than the drive takes.
    """
    equal = None if brought.digest is None else find_equal(tables, brought)
    if equal is not None:
        return equal
    tables.blobs[brought.id] = KnownBlob(blob=brought)
    if capacity is not None and tables.stored_bytes > capacity:
        raise no_capacity(owner)
    return brought.id


def _store(context: Context, entry: Entry, command: StoreFile, blob: BlobId, owner: NodeId) -> Entry:
    """``entry`` with the content that ``command`` brings; the same where it has it already."""
    current = entry.contents[-1] if entry.contents else None
    moment = command.modified_at
    if current is None or (current.blob, current.media_type) != (blob, command.media_type):
        content = Content(
            id=VersionId(0),
            blob=blob,
            media_type=command.media_type,
            created_at=context.now,
            modified_at=context.now if moment is None else moment,
            account=owner,
            payer=payers.name_payer(context.actor),
        )
        return _add_version(context, entry, content, kept=command.versions_kept)
    if moment is None or moment == current.modified_at:
        return entry
    # The same bytes once more, by somebody who knows better when they changed: no other content, no new version.
    contents = (*entry.contents[:-1], evolve(current, modified_at=moment))
    return evolve(entry, contents=contents, updated_at=context.now)


def _add_version(context: Context, entry: Entry, content: Content, *, kept: int) -> Entry:
    """``entry`` with a version like ``content``, which is the current one from now on."""
    added = evolve(content, id=VersionId(context.tables.give_id()), created_at=context.now, superseded_at=None)
    former = entry.contents[:-1] + tuple(evolve(each, superseded_at=context.now) for each in entry.contents[-1:])
    return evolve(entry, contents=(*former, added)[-kept:], updated_at=context.now)


def _find_newest(entry: Entry) -> VersionId | None:
    return entry.contents[-1].id if entry.contents else None
