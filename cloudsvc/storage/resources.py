"""Resources of a drive: the threads in which its storage blocks, and clocks."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.reactors import IReactor
from cloudsvc.core.threads import ThreadRunner, WorkerThreads
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.catalogue import READER_THREADS, SQLiteCatalogue, open_catalogue
from cloudsvc.storage.local import StorageThreads
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter

_DISK: Final = 8

_NETWORK: Final = 16
"""They only wait; none is made as long as there is no store to wait for."""

_READERS: Final = READER_THREADS + 2
"""Two for the copies of the catalogue that are read while it is in use."""


@frozen(kw_only=True)
class Resources:
    """
    What working on a drive takes: threads and clocks.

    :ivar network: threads that wait for an object store.
    :ivar reactor: tells when something arrives from a database; its clock is monotonic.
    :ivar now: the wall clock.
    :ivar note_request: is told of each request to an object store, in the thread that makes it: the operation, its
        outcome (``done``, ``missing``, ``unavailable`` or ``refused``), and its seconds.
    :ivar meter: is told how a database is used that is elsewhere.
    """

    threads: StorageThreads
    network: ThreadRunner
    reactor: IReactor
    now: Callable[[], Instant]
    note_request: Callable[[str, str, float], None] | None = None
    meter: DatabaseMeter = UNMETERED

    @property
    def clock(self) -> IReactorTime:
        """For timers."""
        return self.reactor

    @classmethod
    def of(cls, make_threads: Callable[[int], ThreadRunner], reactor: IReactor) -> Resources:
        """One with threads that ``make_threads`` gives, that many at most, and the clock of this machine."""
        return cls(
            threads=StorageThreads(
                writer=make_threads(1),
                readers=make_threads(_READERS),
                disk=make_threads(_DISK),
                uploads=make_threads(_DISK),
            ),
            network=make_threads(_NETWORK),
            reactor=reactor,
            now=lambda: time.time_ns() // 1000,
        )

    async def open_catalogue(self, file: pathlib.Path) -> SQLiteCatalogue:
        """The catalogue in ``file``. Whoever opened it closes it."""
        return await open_catalogue(file, writer=self.threads.writer, readers=self.threads.readers, now=self.now)


@contextmanager
def open_resources(reactor: IReactor) -> Iterator[Resources]:
    """Resources whose threads end with the context."""
    with ExitStack() as stack:

        def start(most: int) -> WorkerThreads:
            threads = WorkerThreads(reactor=reactor, most=most, name="administration")
            threads.start()
            stack.callback(threads.stop)
            return threads

        yield Resources.of(start, reactor)
