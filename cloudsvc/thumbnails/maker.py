"""Starts a process for each thumbnail, and ends it when its time is up or nobody wants it any more."""

from __future__ import annotations

import sys
from contextlib import suppress
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

    def __attrs_post_init__(self) -> None:
        self._turns = DeferredSemaphore(self.most)

    async def make(self, reader: BlobReader, size: int) -> bytes:
        """As :meth:`cloudsvc.drive.thumbnails.ThumbnailMaker.make`."""
        if len(self._turns.waiting) >= _WAITING:
            raise too_many_thumbnails()
        await self._turns.acquire()
        try:
            return await self._decode(await reader.descriptor(), size)
        finally:
            self._turns.release()

    async def stop(self) -> None:
        """End all processes."""
        for decoding in [*self._running]:
            decoding.kill()
            await decoding.ended

    async def _decode(self, descriptor: int, size: int) -> bytes:
        decoding = _Decoding()
        command = [*self.command, str(size)]
        self._processes.spawnProcess(
            decoding,
            command[0],
            command,
            env={},
            childFDs={0: descriptor, 1: "r", 2: "r"},
        )
        self._running.add(decoding)
        decoding.ended.addCallback(lambda _: self._running.discard(decoding))
        deadline: IDelayedCall = self._clock.callLater(self.seconds, decoding.kill)
        try:
            return await decoding.result
        finally:
            if deadline.active():
                deadline.cancel()


class _Decoding(ProcessProtocol):
    """One process: what it answered, and how it ended."""

    transport: IProcessTransport

    def __init__(self) -> None:
        self.result: Deferred[bytes] = Deferred(lambda _: self.kill())
        self.ended: Deferred[None] = Deferred()
        self._answer = bytearray()
        self._complaint = bytearray()
        self._is_given_up = False

    def kill(self) -> None:
        """End it; the result is told once it has ended."""
        self._is_given_up = True
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")

    def outReceived(self, data: bytes) -> None:
        self._answer += data
        if len(self._answer) > _ANSWER_BYTES:
            self.kill()

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
        if reason.check(ProcessDone) and self._answer and not self._is_given_up:
            return bytes(self._answer)
        status = getattr(reason.value, "exitCode", None)
        for verdict, refuse in _REFUSALS.items():
            if status == verdict.value:
                return refuse()
        # A decoder that was killed, by its limits or by what it read, will be again.
        complaint = self._complaint.decode(errors="replace")
        _log.warn("decoding ended with {reason}: {complaint}", reason=reason.getErrorMessage(), complaint=complaint)
        return picture_too_large()
