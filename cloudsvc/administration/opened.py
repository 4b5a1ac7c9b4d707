"""A drive that is open for administration."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from cloudsvc.administration.moments import Moments
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.nodes import Instant
from cloudsvc.drive.receiving import Reception


@frozen(kw_only=True)
class OpenedDrive:
    """The use-cases, and the storage behind them, which administration alone goes round them for."""

    drive: Drive
    reception: Reception
    catalogue: Catalogue
    blobs: BlobStore
    collection: Collection
    moments: Moments
    limits: Limits
    disk: ThreadRunner
    now: Callable[[], Instant]
