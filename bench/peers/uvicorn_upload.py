"""
A bare ASGI callable on uvicorn that takes files: each piece, as it arrives, is hashed and written.

It writes plainly in the loop's thread, which is quicker than handing each piece to another one. Nothing is synced,
nothing is recorded, nobody is asked for a key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from bench.peers.asgi import Message, serve
from bench.peers.setup import BODY, Setup

FILES = Setup.from_environment().directory / "files"


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Store what is sent by ``PUT`` and tell its SHA-256; answer anything else with the constant."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["method"] == "PUT":
        digest = hashlib.sha256()
        with (FILES / scope["path"].replace("/", "_")).open("wb") as file:
            more = True
            while more:
                message = await receive()
                piece = message.get("body", b"")
                digest.update(piece)
                file.write(piece)
                more = message.get("more_body", False)
        await answer(send, 201, digest.hexdigest().encode())
    else:
        await answer(send, 200, BODY)


async def answer(send: Callable[[Message], Awaitable[None]], status: int, body: bytes) -> None:
    """Send one answer."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    FILES.mkdir()
    serve(app)
