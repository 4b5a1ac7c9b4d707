"""The job on FastAPI with the middleware that its documentation shows, which Starlette calls ``BaseHTTPMiddleware``."""
# mypy: disable-error-code="import-not-found, no-any-unimported, untyped-decorator"
# FastAPI and its companions may be installed in an interpreter of their own.

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable

from fastapi import Request, Response

from bench.peers.asgi import serve
from bench.peers.fastapi_job import app, instrument, write_line
from bench.peers.setup import SECURITY_HEADERS


@app.middleware("http")
async def add_security_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """What every response carries."""
    response = await call_next(request)
    response.headers.update(SECURITY_HEADERS)
    return response


@app.middleware("http")
async def log_request(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """One line per request."""
    request_id = uuid.uuid4().hex
    started = time.perf_counter()
    response = await call_next(request)
    milliseconds = (time.perf_counter() - started) * 1000
    client = request.client.host if request.client else "-"
    write_line(
        client=client,
        method=request.method,
        path=request.url.path,
        status=response.status_code,
        milliseconds=milliseconds,
        request_id=request_id,
    )
    response.headers["X-Request-ID"] = request_id
    return response


if __name__ == "__main__":
    instrument()
    serve(app)
