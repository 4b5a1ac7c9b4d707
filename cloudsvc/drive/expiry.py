"""Retention: how long trash and superseded versions are kept, and changes remembered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from cloudsvc.drive.blobs import BlobInUse, BlobMissing, BlobStore
from cloudsvc.drive.catalogue import Garbage
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.nodes import Instant

_log = Logger("cloudsvc.drive")

_SECOND: Final = 1_000_000
"""In microseconds."""

_CHANGES: Final = 90 * 24 * 3600 * _SECOND
"""Microseconds for which a change is remembered, for whoever follows them."""

_QUARANTINE: Final = 30 * 24 * 3600 * _SECOND
"""Microseconds for which an orphaned blob is kept in quarantine."""

_SUSPENDED: Final = 7 * 24 * 3600 * _SECOND
"""Microseconds for which what was begun and suspended can be resumed, counted from its last bytes."""

_STEP: Final = 60.0
"""Seconds by which a clock may drift between two rounds."""

_MISTRUST: Final = 24 * 3600.0
"""Seconds for which a clock that was set is not believed."""


async def expire(catalogue: Garbage, blobs: BlobStore, limits: Limits, now: Instant) -> None:
    """
    Give up what has been kept for as long as ``limits`` say, what was put in quarantine a month ago, and what nobody
    has resumed for a week. While the drive is frozen, all of it stays.

    :raises CloudError: the storage fails. What was done so far stays done, and the next time goes on with it.
    """
    if await catalogue.is_frozen():
        return
    await catalogue.expire(
        trash_before=now - limits.trash_seconds * _SECOND,
        versions_before=now - limits.version_seconds * _SECOND,
        changes_before=now - _CHANGES,
    )
    await blobs.purge_quarantine(now - _QUARANTINE)
    async for bundle in blobs.list_suspended(now - _SUSPENDED):
        for blob in bundle:
            # Somebody may have come for it meanwhile.
            with suppress(BlobMissing, BlobInUse):
                await (await blobs.resume(blob)).discard()


@define(eq=False, kw_only=True)
class Expiry:
    """
    Gives up what is old, again and again, unless the clock was set: one that was wrong would empty the trash.

    :ivar clock: monotonic, to hold the other against.
    """

    _catalogue: Garbage
    _blobs: BlobStore
    _limits: Limits
    _now: Callable[[], Instant]
    _clock: IReactorTime
    _offset: float = field(init=False)
    _mistrusted_until: float | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._offset = self._compare()

    async def run(self) -> None:
        """
        One round.

        :raises CloudError: as :func:`expire`.
        """
        seconds, offset = self._clock.seconds(), self._compare()
        step, self._offset = offset - self._offset, offset
        if abs(step) > _STEP:
            self._mistrusted_until = seconds + _MISTRUST
            _log.warn("the clock was set by {step:.0f} seconds: nothing expires for a day", step=step)
        if self._mistrusted_until is not None and seconds < self._mistrusted_until:
            return
        await expire(self._catalogue, self._blobs, self._limits, self._now())

    def _compare(self) -> float:
        return self._now() / _SECOND - self._clock.seconds()
