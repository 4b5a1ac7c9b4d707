"""Calls of an object store in threads: tried again where that may help, and never without end."""

from __future__ import annotations

import time
from collections.abc import Callable
from secrets import SystemRandom
from typing import Final, TypeVar

from attrs import evolve, frozen

from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.blobs.objects.client import ObjectClient
from cloudsvc.storage.blobs.objects.deadlines import Deadline, Patience
from cloudsvc.storage.blobs.objects.faults import StoreFault

T = TypeVar("T")

_RANDOM: Final = SystemRandom()

_PAUSES: Final = (0.1, 0.3, 0.9)
"""Seconds before a request is made again, each up to a half more or less, so that not all come back at once."""


@frozen(kw_only=True)
class Calls:
    """
    The way to the store.

    :ivar threads: where calls block.
    :ivar seconds: a monotonic clock that may be read in any thread.
    """

    _client: ObjectClient
    threads: ThreadRunner
    _seconds: Callable[[], float]
    _patience: Patience

    async def run(self, work: Callable[[ObjectClient], T], size: int = 0) -> T:
        """
        What ``work`` does with the store. It may be done more than once.

        :param size: bytes that it moves.
        :raises StoreFault: the store did not do it.
        :raises Exception: what else ``work`` raises, which is not tried again.
        """
        deadline = Deadline(self._seconds() + self._patience.total + size / self._patience.slowest, self._seconds)
        return await self.threads.run(_try, work, evolve(self._client, deadline=deadline))

    async def close(self) -> None:
        """Close the connections."""
        await self.threads.run(self._client.close)


def _try(work: Callable[[ObjectClient], T], client: ObjectClient) -> T:
    for pause in _PAUSES:
        client.deadline.check()
        try:
            return work(client)
        except StoreFault as fault:
            if not fault.is_temporary:
                raise
        time.sleep(pause * _RANDOM.uniform(0.5, 1.5))
    client.deadline.check()
    return work(client)
