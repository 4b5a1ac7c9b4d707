"""Leadership by the lock of a file, which the system takes from a process that ends, however it ends."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import define

from cloudsvc.core.durable_files import lock, open_unlinked
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.errors import storage_failed


@define(eq=False, kw_only=True)
class FileLeadership:
    """
    A :class:`cloudsvc.drive.leadership.Leadership` over all processes of this machine.

    :ivar file: is made where it is missing; there is nothing in it.
    """

    _file: Path
    _threads: ThreadRunner
    _held: int | None = None

    async def campaign(self) -> bool:
        """As :meth:`cloudsvc.drive.leadership.Leadership.campaign`."""
        if self._held is None:
            self._held = await self._threads.run(self._try)
        return self._held is not None

    async def resign(self) -> None:
        """As :meth:`cloudsvc.drive.leadership.Leadership.resign`."""
        held, self._held = self._held, None
        if held is not None:
            await self._threads.run(os.close, held)

    def _try(self) -> int | None:
        try:
            descriptor = open_unlinked(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            raise storage_failed() from None
        try:
            if lock(descriptor):
                return descriptor
        except OSError:
            os.close(descriptor)
            raise storage_failed() from None
        os.close(descriptor)
        return None
