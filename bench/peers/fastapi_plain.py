"""The job on FastAPI with plain ASGI middleware, which costs less than what its documentation shows first."""
# mypy: disable-error-code="import-not-found, no-any-unimported, untyped-decorator"
# FastAPI and its companions may be installed in an interpreter of their own.

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bench.peers.asgi import serve
from bench.peers.fastapi_job import app, instrument, write_line
from bench.peers.setup import SECURITY_HEADERS

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


class SecurityHeaders:
    """What every response carries."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, add)


class RequestLog:
    """One line per request."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on, and write its line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        started = time.perf_counter()
        await self._app(scope, receive, note)
        milliseconds = (time.perf_counter() - started) * 1000
        client = scope["client"][0] if scope["client"] else "-"
        write_line(
            client=client,
            method=scope["method"],
            path=scope["path"],
            status=status,
            milliseconds=milliseconds,
            request_id=request_id,
        )


if __name__ == "__main__":
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog)
    instrument()
    serve(app)
