"""Accounts of payers: how much each user has stored, wherever it is. It is counted when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from cloudsvc.core.actors import Actor
from cloudsvc.drive.bounds import MOST_LOOKED_THROUGH
from cloudsvc.drive.errors import payer_quota_exceeded
from cloudsvc.drive.nodes import NodeId
from cloudsvc.storage.memory_catalogue.tables import PURGED, Content, Tables


def name_payer(actor: Actor) -> str | None:
    """The name of the user to whom it counts what ``actor`` stores, if that is one."""
    return None if actor.payer is None else actor.payer.name


def count_bytes(tables: Tables, name: str) -> int:
    """The bytes of all versions that a user has stored, each with its whole size."""
    contents = (content for _, content in tables.list_contents() if content.payer == name)
    return sum(tables.blobs[content.blob].blob.size for content in contents)


def count_droppable_bytes(tables: Tables, name: str) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Holdings.droppable_paid_bytes`, while nothing is pinned."""
    return sum(tables.blobs[content.blob].blob.size for content in _list_droppable(tables, name))


def check_quota(tables: Tables, actor: Actor, owner: NodeId, allowed: int = 0) -> None:
    """
    See that no more is stored for the payer of ``actor`` than they may.

    :param owner: the quota owner to which what was stored counts.
    :param allowed: bytes that may be beyond it, since they are about to be given up.
    :raises CloudError: there is more.
    """
    who = actor.payer
    if who is not None and who.quota is not None:
        missing = count_bytes(tables, who.name) - who.quota
        if missing > allowed:
            raise payer_quota_exceeded(actor, owner, missing)


def find_whole_payer(tables: Tables, top: NodeId) -> str | None:
    """The user who has stored all versions of ``top`` and of what is in it, if that is one, and it is not too much."""
    entries = [*islice(tables.walk(top), MOST_LOOKED_THROUGH + 1)]
    names = {content.payer for entry in entries for content in entry.contents}
    return names.pop() if len(entries) <= MOST_LOOKED_THROUGH and len(names) == 1 else None


def list_entries(tables: Tables, name: str) -> list[int]:
    """The entries of the trash that may be given up for a user, the oldest first."""
    return sorted(number for number, each in tables.trash.items() if each.payer == name and not each.is_shared)


def _list_droppable(tables: Tables, name: str) -> Iterator[Content]:
    thrown = [each.node for each in tables.trash.values() if each.payer == name and not each.is_shared]
    gone = {entry.id for top in (PURGED, *thrown) for entry in tables.walk(top)}
    for entry, content in tables.list_contents():
        if content.payer == name and (entry.id in gone or content.superseded_at is not None):
            yield content
