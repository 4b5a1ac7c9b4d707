"""How long what was thrown away or replaced is kept, and how long changes are remembered."""

from __future__ import annotations

from typing import Final

from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.nodes import Instant

_SECOND: Final = 1_000_000
"""In microseconds."""

_CHANGES: Final = 90 * 24 * 3600 * _SECOND
"""Microseconds for which a change is remembered, for whoever follows them."""


async def expire(catalogue: Catalogue, limits: Limits, now: Instant) -> None:
    """
    Give up what has been kept for as long as ``limits`` say.

    :raises CloudError: the storage fails. What was done so far stays done, and the next time goes on with it.
    """
    await catalogue.expire(
        trash_before=now - limits.trash_seconds * _SECOND,
        versions_before=now - limits.version_seconds * _SECOND,
        changes_before=now - _CHANGES,
    )
