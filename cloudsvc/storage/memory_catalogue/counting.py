"""Usage counts of what is in sight."""

from __future__ import annotations

from cloudsvc.drive.catalogue import Usage
from cloudsvc.drive.nodes import ROOT_ID
from cloudsvc.storage.memory_catalogue.sight import Sight
from cloudsvc.storage.memory_catalogue.tables import Entry


def count_usage(sight: Sight) -> Usage:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.usage`: as if there were nothing else."""
    tables = sight.tables
    thrown = [each for each in tables.trash.values() if sight.sees(each.chain)]
    live = [tables.nodes[ROOT_ID], *sight.walk(ROOT_ID)]
    kept = [*live, *(entry for each in thrown for entry in tables.walk(each.node))]
    if sight.sees_all:
        # What is purged takes room until it is removed.
        versions, blobs = [content for _, content in tables.list_contents()], {*tables.blobs}
    else:
        versions = [content for entry in kept for content in entry.contents]
        blobs = {content.blob for content in versions}
    return Usage(
        stored_bytes=sum(tables.blobs[each].blob.size for each in blobs),
        catalogue_bytes=0,
        files=_count(live, is_file=True),
        folders=_count(live, is_file=False),
        versions=len(versions),
        blobs=len(blobs),
        trash_entries=len(thrown),
    )


def _count(entries: list[Entry], *, is_file: bool) -> int:
    return sum(entry.is_file == is_file for entry in entries)
