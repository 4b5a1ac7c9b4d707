"""
Freezing of a drive: for a while, or for good, its catalogue refuses changes, and reading goes on.

A drive that moves to other engines is frozen while the last of it is copied, and for good once it has moved, so that
nobody stores in the former place what nobody would find in the new one.
"""

from __future__ import annotations

import secrets
from enum import Enum
from typing import Final, Protocol

from attrs import field, frozen

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import drive_arriving, drive_frozen, drive_moved
from cloudsvc.drive.nodes import Instant

_EPOCH_BYTES: Final = 4

LONGEST_FREEZE: Final = 600 * 1_000_000
"""Microseconds. A freeze for a while that ends later was begun by a clock that was wrong, and holds up nothing."""


class FreezeKind(Enum):
    """Why a drive refuses changes."""

    NONE = "none"
    """It refuses none."""

    TEMPORARY = "temporary"
    """Until a moment, so that by whoever is killed nothing is held up for long."""

    ARRIVING = "arriving"
    """
    It has come from elsewhere, where it has not been left yet: whoever brings it thaws it afterwards. So at no time do
    both take changes.
    """

    MOVED = "moved"
    """It goes on elsewhere."""


@frozen(kw_only=True)
class Freeze:
    """
    What a drive is frozen for: :data:`THAWED`, :data:`ARRIVING`, or what :func:`freeze_until` and
    :func:`freeze_for_good` make.

    :ivar until: when changes are taken again, or were, in microseconds; 0 unless it is temporary.
    :ivar successor: the epoch with which the drive goes on elsewhere; empty unless it has moved.
    """

    kind: FreezeKind = FreezeKind.NONE
    until: Instant = 0
    successor: str = ""

    @property
    def ends_by_itself(self) -> bool:
        """Whether it does, or there is none."""
        return self.kind in {FreezeKind.NONE, FreezeKind.TEMPORARY}

    def holds(self, now: Instant) -> bool:
        """Whether changes are refused at a moment."""
        return not self.ends_by_itself or now < self.until <= now + LONGEST_FREEZE

    def make_refusal(self) -> CloudError:
        """What a change is refused with meanwhile."""
        match self.kind:
            case FreezeKind.ARRIVING:
                return drive_arriving()
            case FreezeKind.MOVED:
                return drive_moved()
        return drive_frozen()


THAWED: Final = Freeze()
"""No freeze at all."""

ARRIVING: Final = Freeze(kind=FreezeKind.ARRIVING)
"""The freeze of a drive that is about to arrive."""


def freeze_until(until: Instant) -> Freeze:
    """A freeze for a while; none where that is 0."""
    return Freeze(kind=FreezeKind.TEMPORARY, until=until) if until else THAWED


def freeze_for_good(successor: str) -> Freeze:
    """The freeze of a drive that has moved, and goes on elsewhere with the epoch ``successor``."""
    return Freeze(kind=FreezeKind.MOVED, successor=successor)


@frozen(kw_only=True)
class Standing:
    """
    Where the history of a drive stands.

    :ivar epoch: of the history; another one after a restoration.
    :ivar last_change: the number of the last change.
    :ivar freeze: the one that was begun last, which may be over.
    """

    epoch: str
    last_change: int
    freeze: Freeze

    @property
    def has_moved(self) -> bool:
        """Whether it is frozen for good."""
        return self.freeze.kind is FreezeKind.MOVED

    @property
    def is_arriving(self) -> bool:
        """Whether it is frozen until the place that it comes from has been left."""
        return self.freeze.kind is FreezeKind.ARRIVING

    def has_become(self, epoch: str) -> bool:
        """Whether it has moved, and goes on elsewhere with this epoch."""
        return self.freeze == freeze_for_good(epoch)


def make_epoch() -> str:
    """The name of a new history."""
    return secrets.token_hex(_EPOCH_BYTES)


@frozen(kw_only=True)
class Beginning:
    """
    What a history begins with that goes on from a copy of another one.

    :ivar epoch: its name, which no other one has.
    :ivar freeze: what the drive is frozen for.
    """

    epoch: str = field(factory=make_epoch)
    freeze: Freeze = THAWED


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
