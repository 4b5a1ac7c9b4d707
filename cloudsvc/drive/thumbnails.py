"""Small pictures of large ones: made once for each content, by somebody who may fail."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.blobs import BlobReader
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.errors import not_picturable
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import File

_FINAL: Final = frozenset({Kind.UNSUPPORTED_TYPE, Kind.UNPROCESSABLE})
"""Kinds of refusals that another attempt would not change."""

_PICTURABLE: Final = ("image/", "video/", "application/octet-stream")
"""How the types begin of what may be a picture or a film. Of nothing else are the bytes looked at."""


@frozen(kw_only=True)
class Thumbnail:
    """
    A thumbnail.

    :ivar content: a JPEG.
    :ivar validator: names the content it was made of, and its size.
    """

    content: bytes
    validator: str


class ThumbnailMaker(Protocol):
    """Makes thumbnails of untrusted bytes."""

    async def make(self, reader: BlobReader, size: int) -> bytes:
        """
        A JPEG whose longer side has ``size`` pixels, or fewer where the picture has. Cancelling gives it up.

        :raises CloudError: it is no picture or film (``UNSUPPORTED_TYPE``), a damaged or too large one
            (``UNPROCESSABLE``), or too much is asked for at the moment (``UNAVAILABLE``).
        """
        ...


class ThumbnailCache(Protocol):
    """Keeps thumbnails, until it does not."""

    async def load(self, key: str) -> bytes | None:
        """What was kept under ``key``, if it still is."""
        ...

    async def keep(self, key: str, content: bytes) -> None:
        """Keep it for a while. That it cannot be kept is no error."""
        ...


@define(eq=False)
class _Making:
    """One thumbnail being made, and those who wait for it."""

    key: str
    waiting: list[Deferred[bytes]] = field(factory=list)
    work: Deferred[None] | None = None


@define(eq=False, kw_only=True)
class Thumbnails:
    """
    Thumbnails of files.

    Asked for by several at once, one is made once; when the last of them has left, it is given up.

    :ivar size: of the longer side, in pixels.
    :ivar remembered: contents of which it is remembered that no thumbnail can be made of them.
    """

    _drive: Drive
    _maker: ThumbnailMaker
    _cache: ThumbnailCache
    size: int
    remembered: int = 1000
    _makings: dict[str, _Making] = field(factory=dict)
    _refused: OrderedDict[str, CloudError] = field(factory=OrderedDict)

    async def get(self, actor: Actor, path: Path) -> Thumbnail:
        """
        The thumbnail of the file at ``path``.

        :raises CloudError: there is no such file, or none can be made of it.
        """
        file = await self._drive.find_file(actor, path)
        key = f"{file.version.blob.digest.hex()}-{self.size}"
        if key in self._refused:
            raise _repeat(self._refused[key])
        if not file.version.media_type.startswith(_PICTURABLE):
            raise not_picturable()
        content = await self._cache.load(key)
        if content is None:
            content = await self._wait(key, actor, file)
        return Thumbnail(content=content, validator=key)

    async def _wait(self, key: str, actor: Actor, file: File) -> bytes:
        making = self._makings.get(key) or _Making(key)
        mine: Deferred[bytes] = Deferred(lambda waiter: self._leave(making, waiter))
        making.waiting.append(mine)
        if making.work is None:
            self._makings[key] = making
            making.work = Deferred.fromCoroutine(self._make(key, actor, file)).addBoth(self._deliver, making)
        return await mine

    def _leave(self, making: _Making, waiter: Deferred[bytes]) -> None:
        making.waiting.remove(waiter)
        if not making.waiting and making.work is not None:
            # Whoever comes now must not wait for what is being given up.
            self._forget(making)
            making.work.cancel()

    def _deliver(self, outcome: bytes | Failure, making: _Making) -> None:
        self._forget(making)
        waiting, making.waiting = making.waiting, []
        for waiter in waiting:
            if isinstance(outcome, Failure) and isinstance(outcome.value, CloudError):
                waiter.errback(_repeat(outcome.value))
            else:
                waiter.callback(outcome)

    def _forget(self, making: _Making) -> None:
        if self._makings.get(making.key) is making:
            del self._makings[making.key]

    async def _make(self, key: str, actor: Actor, file: File) -> bytes:
        opened = await self._drive.open_file(actor, file.path, file.version.id)
        try:
            content = await self._maker.make(opened.reader, self.size)
        except CloudError as problem:
            if problem.kind in _FINAL:
                self._refused[key] = problem
                if len(self._refused) > self.remembered:
                    self._refused.popitem(last=False)
            raise
        finally:
            await opened.reader.close()
        await self._cache.keep(key, content)
        return content


def _repeat(problem: CloudError) -> CloudError:
    """The same again, for somebody else: an error that several raise would gather all their tracebacks."""
    return CloudError(problem.kind, problem.code, problem.message)
