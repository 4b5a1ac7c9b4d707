"""Notes of when something was last used, which wait to be written down: no request writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from attrs import define, field

from cloudsvc.core.clock import Instant
from cloudsvc.identity.bounds import MAX_NOTED

K = TypeVar("K")


@define(eq=False)
class Notes(Generic[K]):
    """
    Moments that wait to be written down, by what was used then. At most :data:`~cloudsvc.identity.bounds.MAX_NOTED`
    are remembered; what is beyond that is not.
    """

    _noted: dict[K, Instant] = field(factory=dict)

    def keep(self, used: K, moment: Instant, written: Instant | None) -> None:
        """
        Note that ``used`` was used then.

        :param written: what is written down of it already.
        """
        has_room = used in self._noted or len(self._noted) < MAX_NOTED
        if has_room and (written is None or written < moment):
            self._noted[used] = moment

    def find_moment(self, used: K) -> Instant | None:
        """When it was last used, as far as that waits."""
        return self._noted.get(used)

    def find_noted(self) -> Mapping[K, Instant]:
        """What has to be written down."""
        return {**self._noted}

    def forget(self, written: Mapping[K, Instant]) -> None:
        """This is written down."""
        for used, moment in written.items():
            if self._noted.get(used) == moment:
                del self._noted[used]
