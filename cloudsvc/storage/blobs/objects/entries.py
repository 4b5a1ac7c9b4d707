"""Entries of the lists that a store of objects gives."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from cloudsvc.drive.nodes import Instant


@frozen(kw_only=True)
class StoredObject:
    """
    An object as a list tells of it.

    :ivar modified_at: by the clock of the store, in whole seconds.
    """

    key: str
    modified_at: Instant


@frozen(kw_only=True)
class PendingUpload:
    """An upload that was neither completed nor aborted, and by the clock of the store when it was begun."""

    key: str
    id: str
    begun_at: Instant


def read_instant(moment: datetime) -> Instant:
    """A moment as the drive counts it."""
    return Instant(round(moment.timestamp() * 1_000_000))
