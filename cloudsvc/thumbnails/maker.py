"""Starts a process for each thumbnail, and ends it when its time is up or nobody wants it any more."""

from __future__ import annotations

import sys
from contextlib import suppress
from enum import Enum, auto
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IProcessTransport, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.blobs import BlobReader
from cloudsvc.drive.errors import not_picturable, picture_damaged, picture_too_large, too_many_thumbnails
from cloudsvc.thumbnails.worker.verdicts import Verdict

_log = Logger("cloudsvc.thumbnails")

_SECONDS: Final = 30.0
"""For which a process may run. It has less of the processor's time."""

_ANSWER_BYTES: Final = 2**22
_WAITING: Final = 200
"""Thumbnails that wait for their turn at most."""

_COMMAND: Final = (sys.executable, "-I", "-m", "cloudsvc.thumbnails.worker")

_REFUSALS: Final = {
    Verdict.NOT_PICTURABLE: not_picturable,
    Verdict.TOO_LARGE: picture_too_large,
    Verdict.DAMAGED: picture_damaged,
}


class _End(Enum):
    """Why a process was ended from outside."""

    LATE = auto()
    TOO_MUCH = auto()
    UNWANTED = auto()


@define(eq=False, kw_only=True)
class ProcessThumbnailMaker:
    """
    A :class:`cloudsvc.drive.thumbnails.ThumbnailMaker` that does nothing in this process.

    :ivar most: processes at the same time.
    :ivar seconds: after which one is killed.
    :ivar command: the program, which is given the size as its last argument.
    """

    _processes: IReactorProcess
    _clock: IReactorTime
    most: int = 1
    seconds: float = _SECONDS
    command: tuple[str, ...] = _COMMAND
    _turns: DeferredSemaphore = field(init=False)
    _running: set[_Decoding] = field(factory=set)
    _is_stopped: bool = False

    def __attrs_post_init__(self) -> None:
        self._turns = DeferredSemaphore(self.most)

    async def make(self, reader: BlobReader, size: int) -> bytes:
        """As :meth:`cloudsvc.drive.thumbnails.ThumbnailMaker.make`."""
        if len(self._turns.waiting) >= _WAITING:
            raise too_many_thumbnails()
        await self._turns.acquire()
        try:
            if self._is_stopped:
                raise too_many_thumbnails()
            return await self._decode(await reader.descriptor(), size)
        finally:
            self._turns.release()

    async def stop(self) -> None:
        """End all processes, and start none any more."""
        self._is_stopped = True
        for decoding in [*self._running]:
            decoding.kill(_End.UNWANTED)
            await decoding.ended

    async def _decode(self, descriptor: int, size: int) -> bytes:
        decoding = _Decoding()
        command = [*self.command, str(size)]
        try:
            self._processes.spawnProcess(
                decoding,
                command[0],
                command,
                env={},
                childFDs={0: descriptor, 1: "r", 2: "r"},
            )
        except OSError as problem:
            _log.error("no process can be started for a thumbnail: {reason}", reason=str(problem))
            raise too_many_thumbnails() from None
        self._running.add(decoding)
        decoding.ended.addCallback(lambda _: self._running.discard(decoding))
        deadline: IDelayedCall = self._clock.callLater(self.seconds, decoding.kill, _End.LATE)
        try:
            return await decoding.result
        finally:
            if deadline.active():
                deadline.cancel()


class _Decoding(ProcessProtocol):
    """One process: what it answered, and how it ended."""

    transport: IProcessTransport

    def __init__(self) -> None:
        self.result: Deferred[bytes] = Deferred(lambda _: self.kill(_End.UNWANTED))
        self.ended: Deferred[None] = Deferred()
        self._answer = bytearray()
        self._complaint = bytearray()
        self._end: _End | None = None

    def kill(self, end: _End) -> None:
        """End it; the result is told once it has ended."""
        self._end = self._end or end
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")

    def outReceived(self, data: bytes) -> None:
        self._answer += data
        if len(self._answer) > _ANSWER_BYTES:
            self.kill(_End.TOO_MUCH)

    def errReceived(self, data: bytes) -> None:
        self._complaint += data[: 1000 - len(self._complaint)]

    def processEnded(self, reason: Failure) -> None:
        outcome = self._judge(reason)
        if self.result.called:
            pass
        elif isinstance(outcome, bytes):
            self.result.callback(outcome)
        else:
            self.result.errback(outcome)
        self.ended.callback(None)

    def _judge(self, reason: Failure) -> bytes | CloudError:
        if self._end in {_End.LATE, _End.UNWANTED}:
            # It was given less of the processor than it may use: the machine is busy, and the picture no worse for it.
            return too_many_thumbnails()
        if reason.check(ProcessDone) and self._answer and self._end is None:
            return bytes(self._answer)
        status = getattr(reason.value, "exitCode", None)
        for verdict, refuse in _REFUSALS.items():
            if status == verdict.value:
                return refuse()
        # A decoder that was killed, by its limits or by what it read, will be again.
        complaint = self._complaint.decode(errors="replace")
        _log.warn("decoding ended with {reason}: {complaint}", reason=reason.getErrorMessage(), complaint=complaint)
        return picture_too_large()
