"""Blobs, and what nobody will miss: what takes room, and how it becomes less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from attrs import evolve
from msgspec.structs import replace

from cloudsvc.drive.catalogue import PinId
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, BlobId, Instant, NodeId, TrashId, VersionId
from cloudsvc.storage.memory_catalogue.accounts import list_evictable
from cloudsvc.storage.memory_catalogue.payers import list_entries
from cloudsvc.storage.memory_catalogue.storing import find_equal
from cloudsvc.storage.memory_catalogue.tables import Content, Entry, Tables
from cloudsvc.storage.memory_catalogue.trash import purge_entry

_LONGEST_PIN: Final = 24 * 3600 * 1_000_000
"""Microseconds. One that would hold longer was set by a clock that was wrong."""


def count_reclaimable(tables: Tables) -> int:
    """The bytes of blobs that no current version of a file outside the trash needs, and that are not marked."""
    needed = {
        content.blob
        for entry, content in tables.list_contents()
        if content.superseded_at is None and tables.find_chain(entry.id) is not None
    }
    known = tables.blobs.values()
    return sum(each.blob.size for each in known if not each.marked and each.blob.id not in needed)


def count_evictable(tables: Tables, owner: NodeId) -> int:
    """The bytes of blobs that only :func:`list_evictable` needs, or nothing, and that are not marked."""
    evictable = Counter(content.blob for content in list_evictable(tables, owner))
    used = Counter(content.blob for _, content in tables.list_contents())
    known = (each.blob for each in tables.blobs.values() if not each.marked)
    return sum(blob.size for blob in known if evictable[blob.id] == used[blob.id])


def evict(tables: Tables, owner: NodeId) -> bool:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.evict`, while nothing is pinned."""
    thrown = [number for number, each in tables.trash.items() if each.account == owner and not each.is_shared]
    if thrown:
        purge_entry(tables, tables.trash[min(thrown)])
        return True
    return _drop_oldest(tables, [each for each in _list_superseded(tables) if each[1].account == owner])


def evict_paid(tables: Tables, name: str) -> bool:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.evict_paid`, while nothing is pinned."""
    for number in list_entries(tables, name)[:1]:
        purge_entry(tables, tables.trash[TrashId(number)])
        return True
    return _drop_oldest(tables, [each for each in _list_superseded(tables) if each[1].payer == name])


def expire(tables: Tables, *, trash_before: Instant, versions_before: Instant) -> None:
    """Give up entries of the trash from before the first moment, and versions superseded before the second."""
    for thrown in [each for each in tables.trash.values() if each.deleted_at < trash_before]:
        purge_entry(tables, thrown)
    for entry, content in _list_superseded(tables):
        if content.superseded_at is not None and content.superseded_at < versions_before:
            _drop_version(tables, entry.id, content)


def mark_for_deletion(tables: Tables, limit: int, after: BlobId | None) -> Sequence[BlobId]:
    """Blobs that nothing refers to, by id, marked."""
    used = {content.blob for _, content in tables.list_contents()}
    unused = sorted(each for each in tables.blobs if each not in used and each > (after or ""))[:limit]
    for each in unused:
        tables.blobs[each] = evolve(tables.blobs[each], marked=True)
    return unused


def forget(tables: Tables, blobs: Sequence[BlobId]) -> None:
    """Those of ``blobs`` that are marked are not known any more."""
    for each in blobs:
        if each in tables.blobs and tables.blobs[each].marked:
            del tables.blobs[each]


def find_users(tables: Tables, blob: BlobId) -> Sequence[tuple[DrivePath, VersionId]]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_users`."""
    users = sorted((content.id, entry.id) for entry, content in tables.list_contents() if content.blob == blob)
    paths = ((tables.find_path_anywhere(node), version) for version, node in users)
    return [(path, version) for path, version in paths if path is not None]


def list_unmeasured(tables: Tables, limit: int, after: BlobId | None) -> Sequence[Blob]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_unmeasured`."""
    used = sorted({content.blob for _, content in tables.list_contents()})
    blobs = (tables.blobs[each].blob for each in used if each > (after or ""))
    return [blob for blob in blobs if blob.digest is None or blob.crc32 is None][:limit]


def record_checksums(tables: Tables, measured: Blob) -> None:
    """Remember the checksums of a blob; what refers to it refers to an equal one from now on, if there is one."""
    known = tables.blobs.pop(measured.id, None)
    if known is None:
        return
    equal = find_equal(tables, measured)
    digest = measured.digest if known.blob.digest is None else known.blob.digest
    tables.blobs[measured.id] = evolve(known, blob=replace(known.blob, digest=digest, crc32=measured.crc32))
    if equal is not None:
        for entry in [*tables.nodes.values()]:
            _refer(tables, entry, measured.id, equal)


def is_pinned(tables: Tables, now: Instant) -> bool:
    """Whether nothing may be marked for deletion."""
    return any(now < until <= now + _LONGEST_PIN for until in tables.pins.values())


def pin(tables: Tables, until: Instant, now: Instant) -> PinId:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.pin`."""
    tables.pins = {number: each for number, each in tables.pins.items() if now < each <= now + _LONGEST_PIN}
    number = PinId(tables.give_id())
    tables.pins[number] = until
    return number


def _list_superseded(tables: Tables) -> list[tuple[Entry, Content]]:
    return [(entry, content) for entry, content in tables.list_contents() if content.superseded_at is not None]


def _drop_oldest(tables: Tables, superseded: list[tuple[Entry, Content]]) -> bool:
    """Forget the oldest of some superseded versions; whether there was one."""
    for entry, content in sorted(superseded, key=lambda each: (each[1].superseded_at, each[1].id))[:1]:
        _drop_version(tables, entry.id, content)
    return bool(superseded)


def _drop_version(tables: Tables, node: NodeId, content: Content) -> None:
    entry = tables.nodes[node]
    tables.put(evolve(entry, contents=tuple(each for each in entry.contents if each != content)))


def _refer(tables: Tables, entry: Entry, former: BlobId, equal: BlobId) -> None:
    if any(each.blob == former for each in entry.contents):
        contents = (evolve(each, blob=equal) if each.blob == former else each for each in entry.contents)
        tables.put(evolve(entry, contents=tuple(contents)))
