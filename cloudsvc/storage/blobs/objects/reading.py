"""Blob readers: a small blob is read at once when it is opened, a large one in windows, of which one is read ahead."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Final

from attrs import define
from twisted.internet.defer import Deferred

from cloudsvc.core.coroutines import abandon
from cloudsvc.drive.errors import storage_failed
from cloudsvc.storage.blobs.objects.budget import Budget
from cloudsvc.storage.blobs.objects.calls import Calls
from cloudsvc.storage.blobs.objects.client import ObjectClient
from cloudsvc.storage.blobs.objects.faults import translated

SMALL: Final = 64 * 1024
"""Bytes up to which a blob is read when it is opened, in one request."""

_FIRST_WINDOW: Final = 256 * 1024
"""Bytes that are read first, so that they are soon there; also what is read by all for whom the budget has no more."""

_WINDOW: Final = 2 * 2**20
"""Bytes that are read in one request, once it is seen that they are wanted: two windows in 30 ms are 130 MB/s."""


@define(eq=False, kw_only=True)
class ObjectBlobReader:
    """
    A :class:`cloudsvc.drive.blobs.BlobReader` of an object, which stays as long as somebody in this process reads it.

    :ivar size: in bytes.
    :ivar let_go: is called when it is closed.
    """

    size: int
    _key: str
    _calls: Calls
    _budget: Budget
    _let_go: Callable[[], None]
    _is_closed: bool = False

    async def stream(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.stream`."""
        if stop > self.size:
            raise storage_failed()
        window = _FIRST_WINDOW
        is_ahead = self._budget.try_take(2 * _WINDOW)
        pending: Deferred[bytes] | None = None
        try:
            while start < stop:
                if pending is None:
                    pending = self._begin(start, min(start + window, stop))
                with translated():
                    piece = await pending
                start += len(piece)
                pending = None
                if is_ahead and start < stop:
                    window = min(2 * window, _WINDOW)
                    pending = self._begin(start, min(start + window, stop))
                yield piece
        finally:
            if pending is not None:
                abandon(pending)
            if is_ahead:
                self._budget.give_back(2 * _WINDOW)

    async def close(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.close`."""
        if not self._is_closed:
            self._is_closed = True
            self._let_go()

    def _begin(self, start: int, stop: int) -> Deferred[bytes]:
        read = partial(ObjectClient.read, key=self._key, start=start, stop=stop)
        return Deferred.fromCoroutine(self._calls.run(read, stop - start))
