"""Thumbnails: made once for each content, by a program that may fail."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import AsyncExitStack
from typing import Final, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.errors import too_many_thumbnails, unsupported_media
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, File
from cloudsvc.drive.spooling import Spooler

_FINAL: Final = frozenset({Kind.UNSUPPORTED_TYPE, Kind.UNPROCESSABLE})
"""Kinds of refusals that another attempt would not change."""

_ATTEMPTS: Final = 3
"""Times that a thumbnail is made anew, as the file of which it was to be made is gone when its turn comes."""

_DECODABLE: Final = ("image/", "video/", "audio/", "application/octet-stream", "application/ogg")
"""How the types begin of what may be an image, a video, or audio with a cover. The bytes of others do not count."""


@frozen(kw_only=True)
class Thumbnail:
    """
    A thumbnail.

    :ivar content: a JPEG.
    :ivar validator: names the content it was made of, its size, and what made it.
    """

    content: bytes
    validator: str


class ThumbnailSource(Protocol):
    """Untrusted bytes of which a thumbnail is made."""

    async def descriptor(self) -> int:
        """
        A file descriptor to read them from, at position 0, for another process.

        :raises CloudError: they cannot be read.
        """
        ...


class ThumbnailMaker(Protocol):
    """
    Makes thumbnails of untrusted bytes.

    :ivar version: names whatever decides what a thumbnail looks like. Those of another version are made again.
    """

    version: str

    async def make(self, source: ThumbnailSource, size: int) -> bytes:
        """
        A JPEG whose longer side has ``size`` pixels, or fewer where the image has. Cancelling gives it up.

        ``source`` is asked for its descriptor when its turn has come, and not while it waits.

        :raises CloudError: it is nothing to see (``UNSUPPORTED_TYPE``), a damaged or too large image
            (``UNPROCESSABLE``), or too much is asked for at the moment (``UNAVAILABLE``).
        """
        ...


class ThumbnailCache(Protocol):
    """Keeps thumbnails, until it does not."""

    def load(self, key: str) -> bytes | None:
        """
        What was kept under ``key``, if it still is. Called in a thread, and blocks no longer than a disk does.
        """
        ...

    async def keep(self, key: str, content: bytes) -> None:
        """Keep it for a while. That it cannot be kept is no error."""
        ...


@define(eq=False, kw_only=True)
class _LateSource:
    """A file that is not opened before it is read: of hundreds that wait, none holds a descriptor."""

    _drive: Drive
    _spooler: Spooler
    _actor: Actor
    _file: File
    _opened: AsyncExitStack = field(factory=AsyncExitStack)

    async def descriptor(self) -> int:
        """As :meth:`ThumbnailSource.descriptor`."""
        opened = await self._drive.open_file(self._actor, self._file.path, self._file.version.id)
        self._opened.push_async_callback(opened.reader.close)
        return await self._opened.enter_async_context(self._spooler.spool(opened.reader))

    async def close(self) -> None:
        """Let go of it."""
        await self._opened.aclose()


@define(eq=False)
class _Making:
    """One thumbnail being made, and those who wait for it."""

    key: str
    waiting: list[Deferred[bytes | None]] = field(factory=list)
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
    _spooler: Spooler
    size: int
    remembered: int = 1000
    _makings: dict[str, _Making] = field(factory=dict)
    _refused: OrderedDict[str, CloudError] = field(factory=OrderedDict)

    async def get(self, actor: Actor, path: DrivePath) -> Thumbnail:
        """
        The thumbnail of the file at ``path``.

        :raises CloudError: there is no such file, or none can be made of it.
        """
        for _ in range(_ATTEMPTS):
            file, content = await self._drive.find_file_with(
                actor, path, lambda blob: self._cache.load(self._name(blob))
            )
            key = self._name(file.version.blob)
            self._check(key, file)
            if content is None:
                content = await self._wait(key, actor, file)
            if content is not None:
                return Thumbnail(content=content, validator=key)
        raise too_many_thumbnails()

    async def find_validator(self, actor: Actor, path: DrivePath) -> str:
        """
        The validator that the thumbnail of the file at ``path`` has, if one can be made of it. Nothing is made for it,
        and nothing loaded.

        :raises CloudError: there is no such file, or it is known that none can be made of it.
        """
        file = await self._drive.find_file(actor, path)
        key = self._name(file.version.blob)
        self._check(key, file)
        return key

    def _name(self, blob: Blob) -> str:
        """The key of the thumbnail of ``blob``."""
        return f"{_identify(blob)}-{self.size}-{self._maker.version}"

    def _check(self, key: str, file: File) -> None:
        """Refuse what is known to have no thumbnail."""
        if key in self._refused:
            raise _repeat(self._refused[key])
        if not file.version.media_type.startswith(_DECODABLE):
            raise unsupported_media()

    async def _wait(self, key: str, actor: Actor, file: File) -> bytes | None:
        """What is made; ``None`` where the file is gone of which it was to be made, be it this one or another's."""
        making = self._makings.get(key) or _Making(key)
        mine: Deferred[bytes | None] = Deferred(lambda waiter: self._leave(making, waiter))
        making.waiting.append(mine)
        if making.work is None:
            self._makings[key] = making
            making.work = Deferred.fromCoroutine(self._make(key, actor, file)).addBoth(self._deliver, making)
        return await mine

    def _leave(self, making: _Making, waiter: Deferred[bytes | None]) -> None:
        making.waiting.remove(waiter)
        if not making.waiting and making.work is not None:
            # Whoever comes now must not wait for what is being given up.
            self._forget(making)
            making.work.cancel()

    def _deliver(self, outcome: bytes | Failure, making: _Making) -> None:
        self._forget(making)
        waiting, making.waiting = making.waiting, []
        problem = outcome.value if isinstance(outcome, Failure) and isinstance(outcome.value, CloudError) else None
        # It names the file of whoever asked first, which others may not see. What they ask for may be there still.
        is_gone = problem is not None and problem.kind is Kind.NOT_FOUND
        for waiter in waiting:
            if problem is not None and not is_gone:
                waiter.errback(_repeat(problem))
            else:
                waiter.callback(None if is_gone else outcome)

    def _forget(self, making: _Making) -> None:
        if self._makings.get(making.key) is making:
            del self._makings[making.key]

    async def _make(self, key: str, actor: Actor, file: File) -> bytes:
        source = _LateSource(drive=self._drive, spooler=self._spooler, actor=actor, file=file)
        try:
            content = await self._maker.make(source, self.size)
        except CloudError as problem:
            if problem.kind in _FINAL:
                self._refused[key] = problem
                if len(self._refused) > self.remembered:
                    self._refused.popitem(last=False)
            raise
        finally:
            await source.close()
        await self._cache.keep(key, content)
        return content


def _identify(blob: Blob) -> str:
    """What is the same for the same bytes, as soon as that is known."""
    return blob.id if blob.digest is None else blob.digest.hex()


def _repeat(problem: CloudError) -> CloudError:
    """The same again, for somebody else: an error that several raise would gather all their tracebacks."""
    return CloudError(problem.kind, problem.code, problem.message)
