"""
Freezing of a drive: for a while, or for good, its catalogue refuses changes, and reading goes on.

A drive that moves to other engines is frozen while the last of it is copied, and for good once it has moved, so that
nobody stores in the former place what nobody would find in the new one.
"""

from __future__ import annotations

import secrets
from typing import Final, Protocol

from attrs import field, frozen

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import drive_arriving, drive_frozen, drive_moved
from cloudsvc.drive.nodes import Instant

_EPOCH_BYTES: Final = 4

FOR_GOOD: Final = 2**62 - 2 ** (8 * _EPOCH_BYTES)
"""A drive that has moved is frozen until this moment, or a later one, which says what it has become."""

ARRIVING: Final = 2**61
"""
The moment until which a drive is frozen that has come from elsewhere, where it has not been left yet: whoever brings it
thaws it afterwards. So at no time do both take changes.
"""

LONGEST_FREEZE: Final = 600 * 1_000_000
"""Microseconds. A freeze that ends later, and not never, was begun by a clock that was wrong, and holds up nothing."""


@frozen(kw_only=True)
class Standing:
    """
    Where the history of a drive stands.

    :ivar epoch: of the history; another one after a restoration.
    :ivar last_change: the number of the last change.
    :ivar frozen_until: when changes are taken again, or were; :data:`FOR_GOOD` or later where the drive has moved,
        :data:`ARRIVING` where it is about to arrive.
    """

    epoch: str
    last_change: int
    frozen_until: Instant

    @property
    def has_moved(self) -> bool:
        """Whether it is frozen for good."""
        return self.frozen_until >= FOR_GOOD

    @property
    def is_arriving(self) -> bool:
        """Whether it is frozen until the place that it comes from has been left."""
        return self.frozen_until == ARRIVING

    def has_become(self, epoch: str) -> bool:
        """Whether it has moved, and goes on elsewhere with this epoch."""
        return self.frozen_until == find_end(epoch)


def make_epoch() -> str:
    """The name of a new history."""
    return secrets.token_hex(_EPOCH_BYTES)


@frozen(kw_only=True)
class Beginning:
    """
    What a history begins with that goes on from a copy of another one.

    :ivar epoch: its name, which no other one has.
    :ivar frozen_until: as :attr:`Standing.frozen_until`.
    """

    epoch: str = field(factory=make_epoch)
    frozen_until: Instant = 0


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

        :raises CloudError: the drive has moved, or is about to arrive.
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

    async def leave(self, standing: Standing, successor: str) -> bool:
        """
        Refuse changes for good, unless there may have been one since ``standing``, as there; whether that was done.

        :param successor: the epoch with which the drive goes on elsewhere.
        """
        ...

    async def thaw(self, *, even_moved: bool) -> None:
        """
        Take changes again.

        :param even_moved: also where the drive has moved, or is about to arrive; otherwise such a one stays as it is.
        """
        ...


def is_frozen(frozen_until: Instant, now: Instant) -> bool:
    """Whether changes are refused now."""
    return not is_for_a_while(frozen_until) or now < frozen_until <= now + LONGEST_FREEZE


def refuse_change(frozen_until: Instant) -> CloudError:
    """What a change is refused with while the drive is frozen."""
    if is_for_a_while(frozen_until):
        return drive_frozen()
    return drive_arriving() if frozen_until == ARRIVING else drive_moved()


def is_for_a_while(frozen_until: Instant) -> bool:
    """Whether a freeze ends by itself."""
    return frozen_until < FOR_GOOD and frozen_until != ARRIVING


def find_end(successor: str) -> Instant:
    """The moment until which a drive is frozen that goes on elsewhere with the epoch ``successor``."""
    return FOR_GOOD + int(successor, 16)
