"""Both faces of the client behind one, so that one suite holds for both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, closing, contextmanager
from itertools import islice
from typing import Any, Protocol

from attrs import frozen

from cloudsvc.client import AsyncClient, Client, RetryPolicy, Secret, Timeouts
from tests.support.server import PATIENCE, Server

PROMPT = RetryPolicy(attempts=4, first_delay=0.01)


class Face(Protocol):
    """A client, whichever."""

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        """What the method called ``name`` returns."""

    def list(self, name: str, *arguments: Any, most: int | None = None, **options: Any) -> list[Any]:
        """All that the method called ``name`` hands on, or the first of it."""


@frozen
class _Synchronous:
    client: Client

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        return getattr(self.client, name)(*arguments, **options)

    def list(self, name: str, *arguments: Any, most: int | None = None, **options: Any) -> list[Any]:
        with closing(getattr(self.client, name)(*arguments, **options)) as entries:
            return [*islice(entries, most)]


@frozen
class _Asynchronous:
    client: AsyncClient
    runner: asyncio.Runner

    def call(self, name: str, *arguments: Any, **options: Any) -> Any:
        return self.runner.run(getattr(self.client, name)(*arguments, **options))

    def list(self, name: str, *arguments: Any, most: int | None = None, **options: Any) -> list[Any]:
        return self.runner.run(_collect(getattr(self.client, name)(*arguments, **options), most))


async def _collect(entries: AsyncGenerator[Any, None], most: int | None) -> list[Any]:
    found: list[Any] = []
    async with aclosing(entries):
        async for entry in entries:
            found.append(entry)
            if len(found) == most:
                break
    return found


@contextmanager
def _open_synchronous(**options: Any) -> Iterator[Face]:
    with Client(**options) as client:
        yield _Synchronous(client)


@contextmanager
def _open_asynchronous(**options: Any) -> Iterator[Face]:
    with asyncio.Runner() as runner:
        client = AsyncClient(**options)
        try:
            yield _Asynchronous(client, runner)
        finally:
            runner.run(client.close())


FACES: tuple[Callable[..., Any], ...] = (_open_synchronous, _open_asynchronous)


@contextmanager
def open_face(face: Callable[..., Any], server: Server, **options: Any) -> Iterator[Face]:
    """A client of ``server``; ``options`` in place of what it would be given."""
    given = {
        "url": server.url,
        "key": Secret(server.token),
        "ca_file": server.certificate,
        "retries": PROMPT,
        "timeouts": Timeouts(connect=PATIENCE, silence=PATIENCE),
    }
    with face(**(given | options)) as opened:
        yield opened
