"""Gzip cache of files, in a bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from attrs import define, field

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.web.codings import LEAST, compress, is_compressible
from cloudsvc.web.page_files import PageFile

_LARGEST: Final = 2 * 2**20
"""Bytes of a file that is packed, which takes a thread some 60 ms."""

_ROOM: Final = 16 * 2**20
"""Bytes of packed files that are kept: those of the directory only, whoever asks."""


@define(eq=False)
class Packing:
    """
    Packs files that are text.

    One at a time: whoever asks meanwhile gets the file as it is, so that no number of requests keeps more than one
    thread busy with it.
    """

    _threads: ThreadRunner
    _room: int = _ROOM
    _packed: OrderedDict[str, bytes] = field(factory=OrderedDict)
    _used: int = 0
    _is_busy: bool = False

    async def pack(self, file: PageFile, media_type: str) -> bytes | None:
        """
        The content of ``file`` in gzip; ``None`` where it is to be sent as it is.

        :raises CloudError: the file has become shorter.
        """
        tag = file.validators.tag
        if tag is None or not LEAST <= file.size <= _LARGEST or not is_compressible(media_type):
            return None
        content = self._packed.get(tag)
        if content is not None:
            self._packed.move_to_end(tag)
            return content
        if self._is_busy:
            return None
        # To its end, even when whoever asked has left: nobody is to begin another one while the thread goes on.
        return await shield(self._work(tag, file))

    async def _work(self, tag: str, file: PageFile) -> bytes:
        self._is_busy = True
        try:
            with file.used():
                content = await self._threads.run(_pack, file)
        finally:
            self._is_busy = False
        self._keep(tag, content)
        return content

    def _keep(self, tag: str, content: bytes) -> None:
        self._packed[tag] = content
        self._used += len(content)
        while self._used > self._room:
            _, oldest = self._packed.popitem(last=False)
            self._used -= len(oldest)


def _pack(file: PageFile) -> bytes:
    return compress(file.read(0, file.size))
