"""Deadlines of requests, also of those in which bytes drip."""

from __future__ import annotations

import io
from collections.abc import Callable

from attrs import frozen

from cloudsvc.storage.blobs.objects.faults import StoreFault


@frozen(kw_only=True)
class Patience:
    """
    How long the store may take, in seconds.

    :ivar connect: until a connection has come about.
    :ivar silence: for which it may neither send nor take a byte.
    :ivar work: for which it may be silent while it copies something, or makes an object of parts.
    :ivar total: after which no request is made (again), counted from when somebody wanted it: those that have waited
        for a thread behind others that hang do not hang after them. The last may take ``silence`` more, or ``work``.
    :ivar slowest: bytes a second, for what large contents have in addition.
    """

    connect: float = 5.0
    silence: float = 10.0
    work: float = 30.0
    total: float = 20.0
    slowest: int = 16 * 1024


@frozen
class Deadline:
    """
    A moment by which a request has to be done, however busily bytes drip.

    :ivar at: by ``seconds``, a monotonic clock that may be read in any thread.
    """

    at: float
    seconds: Callable[[], float]

    def check(self) -> None:
        """
        Fail when it has come.

        :raises StoreFault: it has.
        """
        if self.seconds() >= self.at:
            raise StoreFault("request", "DeadlineExceeded", is_temporary=True)


class Sending(io.BytesIO):
    """Bytes that are sent bit by bit: so each has its own time, and all of them have a deadline."""

    def __init__(self, content: bytes, deadline: Deadline) -> None:
        super().__init__(content)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        self._deadline.check()
        return super().read(size)
