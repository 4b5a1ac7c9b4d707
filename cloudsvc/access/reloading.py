"""Reloading of API keys: a replaced hash counts soon after, without a restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel

from cloudsvc.access.keys import KeyRing
from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner

CHECK_INTERVAL: Final = 15.0
"""Seconds between two reads of where the hash is kept."""


@frozen(kw_only=True)
class StoredHash:
    """
    The hash of the owner's token, as it is kept.

    :ivar value: ``None`` where there is none.
    :ivar origin: where it is kept, for logs.
    :ivar overridden: another one, in the file, over which this one wins; or ``None``.
    """

    value: Secret | None
    origin: str
    overridden: Secret | None = None


class ReloadingKeys(Service):
    """
    :class:`~cloudsvc.access.keys.Keys` that follow what is kept, and read it again while the service runs.

    From the moment a new hash is taken up, the former token is refused; requests that were let in before run to their
    end. Where what is kept cannot be read, or is no hash, the former one goes on, and the log says so once. That there
    is none any more is believed at the second read, since an editor empties a file before it writes to it.

    :param stored: what counts until the first read.
    :param read: finds what is kept. Blocks; raises :exc:`OperatorError`.
    :param report: is told whether there is a key at all, whenever that may have changed.
    """

    log = Logger()

    def __init__(
        self,
        stored: StoredHash,
        *,
        read: Callable[[], StoredHash],
        clock: IReactorTime,
        threads: ThreadRunner,
        report: Callable[[bool], object] = lambda configured: None,
    ) -> None:
        self._read = read
        self._clock = clock
        self._threads = threads
        self._report = report
        self._turn = DeferredLock()
        self._reads: LoopingCall | None = None
        self._refusal: str | None = None
        self._overridden = stored.overridden
        self._vanished = False
        self._ring = KeyRing(owner_hash=stored.value)
        report(self._ring.configured)

    @property
    def configured(self) -> bool:
        """Whether there is an owner's token now."""
        return self._ring.configured

    def identify(self, presented: bytes, /) -> Actor | None:
        """The owner for the token of this moment, otherwise nobody, in constant time."""
        return self._ring.identify(presented)

    def startService(self) -> None:
        """Read every :data:`CHECK_INTERVAL`."""
        super().startService()
        self._reads = LoopingCall(lambda: Deferred.fromCoroutine(self._check()))
        self._reads.clock = self._clock
        self._reads.start(CHECK_INTERVAL, now=False)

    def stopService(self) -> Deferred[None]:
        """Read no more; fires when a read under way is over."""
        super().stopService()
        if self._reads is not None:
            self._reads.stop()
            self._reads = None
        return self._turn.run(lambda: None)

    async def reload(self) -> None:
        """Use what is kept now, for somebody who says that it is as it should be. Raises nothing."""
        self._refusal = None
        await self._check(sure=True)

    async def _check(self, *, sure: bool = False) -> None:
        try:
            await self._turn.run(lambda: Deferred.fromCoroutine(self._reread(sure=sure)))
        except Exception:  # noqa: BLE001  # whatever it was, the next read has to happen
            self.log.failure("reading the token failed, trying again")

    async def _reread(self, *, sure: bool) -> None:
        try:
            stored = await self._threads.run(self._read)
        except OperatorError as fault:
            if str(fault) != self._refusal:
                self.log.emit(
                    LogLevel.error,
                    "the token cannot be read anew, the former one stays valid: {fault}",
                    fault=str(fault),
                )
            self._refusal = str(fault)
            return
        self._refusal = None
        self._tell_overridden(stored)
        vanished = stored.value is None and self._ring.configured
        if vanished and not (sure or self._vanished):
            self._vanished = True
            return
        self._vanished = False
        ring = KeyRing(owner_hash=stored.value)
        if ring == self._ring:
            return
        self._ring = ring
        self._report(ring.configured)
        if vanished:
            self.log.emit(
                LogLevel.warn, "there is no token any more: nobody gets in; make one with `cloudsvc generate-new-token`"
            )
        else:
            self.log.info("uses the new token of {origin}: the former one is refused from now on", origin=stored.origin)

    def _tell_overridden(self, stored: StoredHash) -> None:
        if stored.overridden is not None and stored.overridden != self._overridden:
            self.log.emit(
                LogLevel.warn,
                "the new token in .env does not count, the former one stays valid: {origin} wins; unset it and restart",
                origin=stored.origin,
            )
        self._overridden = stored.overridden
