"""Effects, carried out on asyncio; what blocks runs in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, suppress
from typing import Any, Self, TypeVar

import httpx2
from attrs import define, evolve, field, frozen

from cloudsvc.client.connecting import LARGEST_ANSWER, Line, as_answer, too_large
from cloudsvc.client.effects import Answer, Call, Effect, Emit, Flow, Open, Read, Run, Send, Sleep, Source
from cloudsvc.client.errors import ClientError
from cloudsvc.client.sources import Uploadable, Watched, as_source

T = TypeVar("T")


@frozen(kw_only=True)
class _AsyncPieces:
    """Pieces that come once, from a program that is asynchronous itself."""

    pieces: AsyncIterable[bytes] = field(repr=False)
    length: int | None
    rewindable: bool = False

    def open(self) -> Iterator[bytes]:
        raise TypeError("these pieces are asynchronous")


def as_async_source(content: Uploadable | AsyncIterable[bytes], length: int | None) -> Source:
    """What sends ``content``, as :func:`~cloudsvc.client.sources.as_source` says."""
    if isinstance(content, AsyncIterable):
        return _AsyncPieces(pieces=content, length=length)
    return as_source(content, length)


@define
class World:
    """Carries out the effects of one flow, with one answer open at a time."""

    _http: httpx2.AsyncClient
    _line: Line
    _sleep: Callable[[float], Awaitable[None]]
    _response: httpx2.Response | None = field(default=None, init=False)
    _pieces: AsyncIterator[bytes] | None = field(default=None, init=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._let_go()

    async def run(self, flow: Flow[T], results: list[T]) -> AsyncGenerator[Any, None]:
        """Hand on what ``flow`` emits, and put its result into ``results``."""
        with closing(flow):
            result: Any = None
            error: ClientError | None = None
            while True:
                try:
                    effect = flow.send(result) if error is None else flow.throw(error)
                except StopIteration as stop:
                    results.append(stop.value)
                    return
                result, error = None, None
                if isinstance(effect, Emit):
                    yield effect.value
                    continue
                try:
                    result = await self._carry_out(effect)
                except ClientError as problem:
                    error = problem

    async def _carry_out(self, effect: Effect) -> Any:
        match effect:
            case Run(work):
                return await _run_in_thread(work)
            case Sleep(seconds):
                return await self._sleep(seconds)
            case Read():
                return await self._read()
            case Send(call):
                return await self._send(call)
            case Open(call):
                answer = await self._open(call)
                return answer if answer.status < httpx2.codes.MULTIPLE_CHOICES else await self._complete(answer)
        raise AssertionError(effect)

    async def _send(self, call: Call[Any]) -> Answer:
        return await self._complete(await self._open(call))

    async def _open(self, call: Call[Any]) -> Answer:
        await self._let_go()
        url, headers, timeout = self._line.describe(call)
        content = (
            call.content if call.content is None or isinstance(call.content, bytes) else _open_source(call.content)
        )
        try:
            request = self._http.build_request(call.method, url, headers=headers, content=content, timeout=timeout)
            self._response = await self._http.send(request, stream=True)
        except httpx2.HTTPError as problem:
            raise self._line.explain(problem) from problem
        self._pieces = self._response.aiter_raw()
        return as_answer(self._response)

    async def _read(self) -> bytes:
        if self._pieces is None:
            return b""
        try:
            return await anext(self._pieces, b"")
        except httpx2.HTTPError as problem:
            raise self._line.explain(problem) from problem

    async def _complete(self, head: Answer) -> Answer:
        """The answer that was opened, with its content."""
        content = bytearray()
        while piece := await self._read():
            content += piece
            if len(content) > LARGEST_ANSWER:
                raise too_large()
        await self._let_go()
        return evolve(head, content=bytes(content))

    async def _let_go(self) -> None:
        if self._response is not None:
            await self._response.aclose()
            self._response, self._pieces = None, None


async def _open_source(source: Source) -> AsyncIterator[bytes]:
    """The bytes of ``source``, which blocks in a thread."""
    if isinstance(source, Watched) and isinstance(source.source, _AsyncPieces):
        source.begin()
        async for piece in source.source.pieces:
            if ready := source.take(piece):
                yield ready
                source.report()
        if last := source.conclude():
            yield last
        source.report()
        return
    pieces = source.open()
    while piece := await _run_in_thread(lambda: next(pieces, b"")):
        yield piece


async def _run_in_thread(work: Callable[[], T]) -> T:
    """
    What ``work`` returns. Whoever is cancelled meanwhile goes on being so when it is done: nothing that it uses is
    closed before.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise
