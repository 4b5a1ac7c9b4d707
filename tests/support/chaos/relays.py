"""Lines between nodes and engines that can be cut, silenced and led elsewhere, all of them in one thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from attrs import define, field

_PIECE: Final = 65536
_DEADLINE: Final = 100.0


@define(eq=False)
class Relay:
    """
    A port of the loopback address that leads to another one.

    Its methods may be called from any thread, but for those that serve a connection.
    """

    target: int
    _loop: asyncio.AbstractEventLoop
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(factory=set)
    _hears: asyncio.Event = field(factory=asyncio.Event)
    _answers: asyncio.Event = field(factory=asyncio.Event)

    def cut(self) -> None:
        """Cut all connections, as when a cable is pulled and put back."""
        self._loop.call_soon_threadsafe(self._cut)

    def silence(self) -> None:
        """Let nothing through, and tell nobody. What arrives waits."""
        self._loop.call_soon_threadsafe(self._hears.clear)
        self.mute()

    def mute(self) -> None:
        """Let no answers through: what is asked for happens, and nobody hears of it."""
        self._loop.call_soon_threadsafe(self._answers.clear)

    def heal(self) -> None:
        """Cut what was silent, and let everything through again."""
        self._loop.call_soon_threadsafe(self._cut)
        self.release()

    def release(self) -> None:
        """Let through what has waited, however late that is, and everything else."""
        for step in (self._hears.set, self._answers.set):
            self._loop.call_soon_threadsafe(step)

    async def open(self) -> None:
        """Take connections."""
        self._hears.set()
        self._answers.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Take none any more, and cut those that there are."""
        assert self._server is not None
        self._server.close()
        self._cut()

    def _cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError):
                await self._hears.wait()
                there, back = await asyncio.open_connection("127.0.0.1", self.target)
                self._open.add(back)
                try:
                    await asyncio.gather(
                        self._pump(reader, back, self._hears), self._pump(there, writer, self._answers)
                    )
                finally:
                    self._open.discard(back)
                    back.transport.abort()
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_open: asyncio.Event) -> None:
        while piece := await source.read(_PIECE):
            await is_open.wait()
            sink.write(piece)
            await sink.drain()
        sink.write_eof()


@define(eq=False)
class Exchange:
    """Where relays are made."""

    _loop: asyncio.AbstractEventLoop
    _relays: list[Relay] = field(factory=list)

    def lead_to(self, target: int) -> Relay:
        """A new relay to a port."""
        relay = Relay(target, self._loop)
        asyncio.run_coroutine_threadsafe(relay.open(), self._loop).result(_DEADLINE)
        self._relays.append(relay)
        return relay

    async def close(self) -> None:
        """Close all of them, and wait until nobody is served."""
        for relay in self._relays:
            relay.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def run_exchange() -> Iterator[Exchange]:
    """An exchange, closed with all its relays at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop.run_forever, loop.close), name="relays")
    thread.start()
    exchange = Exchange(loop)
    try:
        yield exchange
    finally:
        asyncio.run_coroutine_threadsafe(exchange.close(), loop).result(_DEADLINE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_DEADLINE)


def _run(*steps: Callable[[], None]) -> None:
    for step in steps:
        step()
