"""Thumbnail maker: a process for each thumbnail, ended when its time is up or nobody waits for it any more."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IProcessTransport, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import (
    image_damaged,
    image_too_large,
    no_decoders,
    too_many_thumbnails,
    unsupported_media,
)
from cloudsvc.drive.thumbnails import ThumbnailSource
from cloudsvc.thumbnails.places import SharedPlaces
from cloudsvc.thumbnails.versions import find_missing_decoders, identify_decoders
from cloudsvc.thumbnails.worker.limits import CPU_SECONDS
from cloudsvc.thumbnails.worker.verdicts import Verdict

_log = Logger("cloudsvc.thumbnails")

_SECONDS: Final = 20.0
"""For which a process may run while others wait. Of the processor's time it has less."""

_TURNS: Final = 3
"""How often as long it may run, while nobody waits for the place."""

_BLAMED: Final = 0.5
"""
The share of the processor's time that it may have, beyond which the image is too much and not the machine too busy.

Less than all of it, since whoever asks again would only have it run as long again.
"""

_ENVIRONMENT: Final = {"MALLOC_ARENA_MAX": "1"}
"""Each thread would otherwise take 64 MiB of the addresses that it may have."""

_ANSWER_BYTES: Final = 2**22
_TOGETHER: Final = 1
"""Decoders that run at the same time, whoever has started them: each may take all that a processor has."""

_WAITING: Final = 200
"""Thumbnails that wait for their turn at most."""

_COMMAND: Final = (sys.executable, "-I", "-m", "cloudsvc.thumbnails.worker")

_REFUSALS: Final = {
    Verdict.UNSUPPORTED: unsupported_media,
    Verdict.TOO_LARGE: image_too_large,
    Verdict.DAMAGED: image_damaged,
}


class _End(Enum):
    """Why a process was ended from outside."""

    LATE = auto()
    TOO_MUCH = auto()
    UNWANTED = auto()


def open_maker(
    processes: IReactorProcess, clock: IReactorTime, places: Path
) -> ProcessThumbnailMaker | MissingThumbnailMaker:
    """
    What makes thumbnails, where the decoders are installed; else what refuses to, and the log says so once.

    :param places: the file by whose locks all processes together run no more decoders than one would alone.
    """
    if missing := find_missing_decoders():
        _log.info(
            "no thumbnails are made, without {missing}: install cloudsvc[thumbnails] to have them",
            missing=", ".join(missing),
        )
        return MissingThumbnailMaker()
    return ProcessThumbnailMaker(
        processes=processes, clock=clock, places=SharedPlaces(file=places, clock=clock, most=_TOGETHER)
    )


@define(eq=False)
class MissingThumbnailMaker:
    """A :class:`cloudsvc.drive.thumbnails.ThumbnailMaker` where nothing is installed that decodes images and videos."""

    version: str = "none"

    async def make(self, source: ThumbnailSource, size: int) -> bytes:
        """Refuse, whatever it is."""
        raise no_decoders()

    async def stop(self) -> None:
        """Nothing: nothing runs."""


@define(eq=False, kw_only=True)
class ProcessThumbnailMaker:
    """
    A :class:`cloudsvc.drive.thumbnails.ThumbnailMaker` that does nothing in this process.

    :ivar places: are shared with other processes that make thumbnails of the same drive, if there are any.
    :ivar most: decoders that this process runs at the same time.
    :ivar seconds: after which one is killed, if another waits.
    :ivar processor_seconds: after which one that calculated so long kills itself.
    :ivar command: the program, which is given the size as its last argument.
    """

    _processes: IReactorProcess
    _clock: IReactorTime
    _places: SharedPlaces | None = None
    most: int = _TOGETHER
    seconds: float = _SECONDS
    processor_seconds: float = CPU_SECONDS
    version: str = field(factory=identify_decoders)
    command: tuple[str, ...] = _COMMAND
    _turns: DeferredSemaphore = field(init=False)
    _running: set[_Decoding] = field(factory=set)
    _is_stopped: bool = False

    def __attrs_post_init__(self) -> None:
        self._turns = DeferredSemaphore(self.most)

    async def make(self, source: ThumbnailSource, size: int) -> bytes:
        """As :meth:`cloudsvc.drive.thumbnails.ThumbnailMaker.make`."""
        if len(self._turns.waiting) >= _WAITING:
            raise too_many_thumbnails()
        await self._turns.acquire()
        try:
            if self._is_stopped:
                raise too_many_thumbnails()
            async with self._take_place():
                return await self._decode(await source.descriptor(), size)
        finally:
            self._turns.release()

    async def stop(self) -> None:
        """End all processes, and start none any more."""
        self._is_stopped = True
        for decoding in [*self._running]:
            decoding.kill(_End.UNWANTED)
            await decoding.ended
        if self._places is not None:
            self._places.close()

    @asynccontextmanager
    async def _take_place(self) -> AsyncIterator[None]:
        if self._places is None:
            yield
            return
        try:
            place = await self._places.take()
        except OSError as problem:
            _log.error("no place can be had for a thumbnail: {reason}", reason=str(problem))
            raise too_many_thumbnails() from None
        try:
            if self._is_stopped:
                raise too_many_thumbnails()
            yield
        finally:
            self._places.give_back(place)

    async def _decode(self, descriptor: int, size: int) -> bytes:
        decoding = _Decoding(self.processor_seconds * _BLAMED)
        command = [*self.command, str(size)]
        try:
            self._processes.spawnProcess(
                decoding,
                command[0],
                command,
                env=_ENVIRONMENT,
                childFDs={0: descriptor, 1: "r", 2: "r"},
            )
        except OSError as problem:
            _log.error("no process can be started for a thumbnail: {reason}", reason=str(problem))
            raise too_many_thumbnails() from None
        self._running.add(decoding)
        decoding.ended.addCallback(lambda _: self._running.discard(decoding))
        self._allow(decoding, _TURNS)
        try:
            return await decoding.result
        finally:
            decoding.stop_waiting()

    def _allow(self, decoding: _Decoding, turns: int) -> None:
        """Let it run for a turn, and if nobody waits then, for another of ``turns`` in all."""

        def end() -> None:
            if turns > 1 and not self._turns.waiting:
                self._allow(decoding, turns - 1)
            else:
                decoding.kill(_End.LATE)

        decoding.deadline = self._clock.callLater(self.seconds, end)


class _Decoding(ProcessProtocol):
    """One process: what it answered, and how it ended."""

    transport: IProcessTransport
    deadline: IDelayedCall | None = None

    def __init__(self, blamed_seconds: float) -> None:
        self.result: Deferred[bytes] = Deferred(lambda _: self.kill(_End.UNWANTED))
        self.ended: Deferred[None] = Deferred()
        self._answer = bytearray()
        self._complaint = bytearray()
        self._end: _End | None = None
        self._blamed_seconds = blamed_seconds
        self._is_blamed = False

    def kill(self, end: _End) -> None:
        """End it; the result is told once it has ended."""
        self._end = self._end or end
        if end is _End.LATE:
            self._is_blamed = _measure_processor(self.transport.pid) > self._blamed_seconds
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")

    def stop_waiting(self) -> None:
        """It is not to be ended any more."""
        if self.deadline is not None and self.deadline.active():
            self.deadline.cancel()

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
        if self._end in {_End.LATE, _End.UNWANTED} and not self._is_blamed:
            # It was given less of the processor than it may use: the machine is busy, and the image no worse for it.
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
        return image_too_large()


def _measure_processor(pid: int | None) -> float:
    """Seconds of the processor that a process has used (proc_pid_stat(5)), and none that has ended."""
    with suppress(OSError):
        # The name of its program, in brackets, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
