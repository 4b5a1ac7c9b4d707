"""
Freezing of a drive: for a while, or for good, its catalogue refuses changes, and reading goes on.

A drive that moves to other engines is frozen while the last of it is copied, and for good once it has moved, so that
nobody stores in the former place what nobody would find in the new one.
"""

from __future__ import annotations

from typing import Final, Protocol

from attrs import frozen

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import drive_frozen, drive_moved
from cloudsvc.drive.nodes import Instant

FOR_GOOD: Final = 2**62
"""The moment until which a drive is frozen that has moved."""

LONGEST_FREEZE: Final = 600 * 1_000_000
"""Microseconds. A freeze that ends later, and not never, was begun by a clock that was wrong, and holds up nothing."""


@frozen(kw_only=True)
class Standing:
    """
    Where the history of a drive stands.

    :ivar epoch: of the history; another one after a restoration.
    :ivar last_change: the number of the last change.
    :ivar frozen_until: when changes are taken again, or were; :data:`FOR_GOOD` where the drive has moved.
    """

    epoch: str
    last_change: int
    frozen_until: Instant

    @property
    def has_moved(self) -> bool:
        """Whether it is frozen for good."""
        return self.frozen_until == FOR_GOOD


class Freezing(Protocol):
    """
    Refusal of changes, in every process that has the drive open.

    It is decided in the transaction of each change, by the clock of the process that makes it. What is refused is 503
    ``read_only``. Where upkeep would change something, it does nothing.
    """

    async def find_standing(self) -> Standing:
        """Where the history stands, and whether the drive is frozen."""
        ...

    async def freeze(self, until: Instant) -> Standing:
        """
        Refuse changes from now on until a moment, which must be within ten minutes. What has come before has been
        committed. Whoever stays for longer says so again; by whoever is killed nothing is held up for long.

        :raises CloudError: the drive has moved.
        """
        ...

    async def renew(self, standing: Standing, until: Instant) -> Standing | None:
        """
        Refuse changes until a later moment, as :meth:`freeze`, unless there may have been one since ``standing``, which
        is what freezing came to; ``None`` then. Not every change has a number: so it is also looked whether the freeze
        is still the same one, which somebody may have ended. Where a clock says that it is over, the next change ends
        it.
        """
        ...

    async def leave(self, standing: Standing) -> bool:
        """Refuse changes for good, unless there may have been one since ``standing``, as there; whether it was done."""
        ...

    async def thaw(self, *, even_moved: bool) -> None:
        """
        Take changes again.

        :param even_moved: also where the drive has moved; otherwise one that has stays as it is.
        """
        ...


def is_frozen(frozen_until: Instant, now: Instant) -> bool:
    """Whether changes are refused now."""
    return frozen_until == FOR_GOOD or now < frozen_until <= now + LONGEST_FREEZE


def refuse_change(frozen_until: Instant) -> CloudError:
    """What a change is refused with while the drive is frozen."""
    return drive_moved() if frozen_until == FOR_GOOD else drive_frozen()
