"""uvicorn over TLS, for the ASGI peers. Its event loop and parser are the fastest it finds (uvloop, httptools)."""
# mypy: disable-error-code="import-not-found, no-any-unimported"
# What the ASGI peers import may be installed in an interpreter of its own.

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from bench.peers.setup import HOST, Setup

Message = MutableMapping[str, Any]
Application = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any]


def serve(app: Application) -> None:
    """Serve ``app`` until SIGTERM. Nothing is logged per request; idle connections stay as long as a run takes."""
    setup = Setup.from_environment()
    uvicorn.run(
        app,
        host=HOST,
        port=setup.port,
        ssl_certfile=setup.certificate,
        ssl_keyfile=setup.key,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=600,
    )
