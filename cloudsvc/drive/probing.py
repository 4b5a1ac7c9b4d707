"""Blob store probe: a few bytes are stored, read and deleted again."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004  # Deferred.addTimeout raises it
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.blobs import BlobMissing, BlobStore

_log = Logger("cloudsvc.drive")

EVERY: Final = 10.0
"""Seconds between two probes at least, however often somebody asks: each waits for the disk twice."""

_WAIT: Final = 1.0
"""Seconds for which whoever asks waits for a probe to end; after that, the one before counts."""

PATIENCE: Final = 30.0
"""Seconds that a probe may take on a disk that is busy; one that takes longer counts as failed."""

_SIZE: Final = 64
"""Bytes."""


class Soundness(StrEnum):
    """What a probe comes to; each reads as what to say of the store."""

    SOUND = "What is stored can be read."
    FULL = "There is no space for more."
    FAILING = "The store of bytes fails, and the log says why."
    ALTERING = "What was stored is not what is read."
    HANGING = "The store of bytes does not answer."


@define(eq=False, kw_only=True)
class StoreProbe:
    """
    Probes a store when somebody asks, and not too often.

    :ivar clock: monotonic.
    """

    _blobs: BlobStore
    _clock: IReactorTime
    _found: Soundness = Soundness.SOUND
    _due_at: float | None = None
    _began_at: float | None = None
    _waiting: list[Deferred[None]] = field(factory=list)

    async def ask(self) -> Soundness:
        """What the last probe has come to. A new one begins when that was too long ago."""
        now = self._clock.seconds()
        if self._began_at is None and (self._due_at is None or now >= self._due_at):
            self._began_at = now
            Deferred.fromCoroutine(self._probe())
        if self._began_at is not None:
            await self._wait()
        if self._began_at is not None and self._clock.seconds() - self._began_at > PATIENCE:
            return Soundness.HANGING
        return self._found

    async def stop(self) -> None:
        """Wait until none runs."""
        if self._began_at is not None:
            ended: Deferred[None] = Deferred()
            self._waiting.append(ended)
            await ended

    async def _wait(self) -> None:
        ended: Deferred[None] = Deferred()
        ended.addTimeout(_WAIT, self._clock)
        self._waiting.append(ended)
        try:
            await ended
        except TimeoutError:
            self._waiting.remove(ended)

    async def _probe(self) -> None:
        try:
            self._found = await probe(self._blobs)
        except Exception:  # noqa: BLE001  # whatever it is, the store does not do its work
            self._found = Soundness.FAILING
            _log.failure("the store of bytes fails in a way of its own")
        finally:
            self._began_at = None
            self._due_at = self._clock.seconds() + EVERY
            waiting, self._waiting = self._waiting, []
            for ended in waiting:
                if not ended.called:
                    ended.callback(None)


async def probe(blobs: BlobStore) -> Soundness:
    """Store a few bytes, read them, and throw them away."""
    content = secrets.token_bytes(_SIZE)
    try:
        writer = await blobs.create()
        try:
            await writer.write(content)
            blob = await writer.seal()
            reader = await blobs.open(blob)
            try:
                found = b"".join([piece async for piece in reader.stream(0, _SIZE)])
            finally:
                await reader.close()
        finally:
            await writer.discard()
    except BlobMissing:
        return Soundness.ALTERING
    except CloudError as problem:
        return Soundness.FULL if problem.kind is Kind.NO_SPACE else Soundness.FAILING
    return Soundness.SOUND if found == content else Soundness.ALTERING
