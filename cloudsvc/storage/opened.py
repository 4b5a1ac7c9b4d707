"""Drive opened for administration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.leadership import Leadership
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.nodes import Instant
from cloudsvc.drive.uploads import Uploads
from cloudsvc.storage.ballast import Ballast
from cloudsvc.storage.consistent_copies import ConsistentCopies


class Storage(Protocol):
    """What a drive is kept in, of whatever engine."""

    @property
    def catalogue(self) -> Catalogue: ...

    @property
    def blobs(self) -> BlobStore: ...


class OpenStorage(Storage, Protocol):
    """A storage in use. Whoever opened it closes it."""

    @property
    def leadership(self) -> Leadership: ...

    @property
    def ballast(self) -> Ballast | None:
        """What is given up so that a full disk can be emptied; ``None`` where that would help nobody."""
        ...

    @property
    def lacks_space(self) -> bool:
        """
        Whether the catalogue was refused room within the last minute by a disk of which only it knows: one of a
        database server.
        """
        ...

    async def measure_clock(self) -> float:
        """
        Seconds by which the clock of this machine is ahead of the catalogue's at least; negative where it is behind,
        and 0 where both are one.

        :raises CloudError: the storage fails.
        """
        ...

    async def close(self) -> None:
        """Finish what is being stored, and let go of everything."""
        ...


@frozen(kw_only=True)
class OpenedDrive:
    """The use-cases, and the storage behind them, which administration alone goes round them for."""

    drive: Drive
    uploads: Uploads
    catalogue: Catalogue
    blobs: BlobStore
    collection: Collection
    copies: ConsistentCopies
    limits: Limits
    disk: ThreadRunner
    now: Callable[[], Instant]
