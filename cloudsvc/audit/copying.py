"""
Copying of an audit to a file, line by line: what has become durable follows there, in order, each entry once.

Whoever copies reads the log, so it makes no difference by which process or node an entry was appended, nor whether
somebody was there to copy it then. How far the file has come is kept with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cloudsvc.audit.chain import Head
from cloudsvc.audit.entries import Entry
from cloudsvc.audit.log import AuditLog
from cloudsvc.core.coroutines import complete

_log = Logger("cloudsvc.audit")

LOOK_SECONDS: Final = 1.0
"""Between two looks at how far the log has come."""

MAX_COPIED: Final = 200
"""Entries that are copied in one step: some 100 KB, and 20 MB where all of their texts are as long as they may be."""


class Copy(Protocol):
    """
    A file with lines of entries, while nobody else writes to it.

    :ivar head: the last entry in it; ``None`` where there has never been one.
    """

    @property
    def head(self) -> Head | None: ...

    async def append(self, entries: Sequence[Entry]) -> None:
        """
        Write a line for each. They are durable when this returns, and none of them is there when it raises.

        :raises OSError: they cannot be written.
        """
        ...

    def close(self) -> None:
        """Let others write to it."""
        ...


class CopyFile(Protocol):
    """A file with lines of entries, to which several processes may write in turns."""

    async def open(self) -> Copy | None:
        """
        The file, as long as nobody else writes to it; ``None`` while somebody does.

        :raises OSError: it cannot be opened.
        """
        ...


@define(eq=False, kw_only=True)
class Copier:
    """
    What a process does to have all entries copied. Each process of a home has one, and whichever looks first writes.

    :ivar is_failing: whether the file takes no lines. Those that are due follow when it does again.
    """

    _log: AuditLog
    _file: CopyFile
    _clock: IReactorTime
    is_failing: bool = field(init=False, default=False)
    _seen: Head | None = field(init=False, default=None)
    """Up to where the file is known to have everything."""
    _looking: LoopingCall | None = field(init=False, default=None)
    _ended: Deferred[LoopingCall] | None = field(init=False, default=None)

    def start(self) -> None:
        """Copy from now on."""
        self._looking = LoopingCall(lambda: Deferred.fromCoroutine(self.look()))
        self._looking.clock = self._clock
        self._ended = self._looking.start(LOOK_SECONDS)

    async def stop(self) -> None:
        """Copy what there is by now, and no more."""
        if self._looking is not None and self._ended is not None:
            self._looking.stop()
            await self._ended
            self._looking = None
            await self.look()

    async def look(self) -> None:
        """Copy what the file lacks, unless another process does; it is called by itself."""
        try:
            is_there = await complete(self._bring())
        except Exception as problem:  # noqa: BLE001  # whatever it is, the next look has to happen
            if not self.is_failing:
                self.is_failing = True
                _log.error("the audit is not copied to its file, and will be later: {problem}", problem=str(problem))
            return
        if self.is_failing and is_there:
            self.is_failing = False
            _log.info("the audit is copied to its file again")

    async def _bring(self) -> bool:
        """Whether everything is in the file; it is not known while another process writes to it."""
        if (await self._log.find_extent()).head == self._seen:
            return True
        copy = await self._file.open()
        if copy is None:
            return False
        try:
            await self._fill(copy)
        finally:
            copy.close()
        return True

    async def _fill(self, copy: Copy) -> None:
        last = await self._find_place(copy.head)
        while entries := await self._log.read(last.number, MAX_COPIED):
            await copy.append(entries)
            last = Head(number=entries[-1].number, digest=entries[-1].digest)
        self._seen = last

    async def _find_place(self, copied: Head | None) -> Head:
        """After which entry the copy goes on."""
        base = (await self._log.find_extent()).base
        if copied is None:
            return base
        if copied.number <= base.number:
            if copied.number < base.number:
                _log.warn(
                    "the entries {first} to {last} of the audit were cut off before they were copied to its file",
                    first=copied.number + 1,
                    last=base.number,
                )
            return base
        found = await self._log.read(copied.number - 1, 1)
        if [Head(number=each.number, digest=each.digest) for each in found] != [copied]:
            _log.warn(
                "the audit is not the one whose entry {number} was copied to its file last: all of it follows there",
                number=copied.number,
            )
            return base
        return copied
