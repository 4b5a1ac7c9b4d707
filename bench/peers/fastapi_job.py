"""
The job of this server's ``/api/login`` on FastAPI, written as the documentation of each library shows it.

A key checked by its SHA-256, a slowapi limit, Prometheus metrics by the instrumentator, and a log in a file. Headers
of each answer and the line of each request are middleware, of two kinds: see ``fastapi_full`` and ``fastapi_plain``.
"""
# mypy: disable-error-code="import-not-found, no-any-unimported, untyped-decorator, arg-type"
# FastAPI and its companions may be installed in an interpreter of their own; where they are, the handler that slowapi
# documents is narrower than what FastAPI declares.

from __future__ import annotations

import hashlib
import hmac
import logging
from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, HTTPException, Request, Security
from fastapi.security import APIKeyHeader
from prometheus_client import Counter
from prometheus_fastapi_instrumentator import Instrumentator
from pydantic import BaseModel
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address

from bench.peers.setup import Setup

setup = Setup.from_environment()
logging.basicConfig(
    filename=setup.directory / "server.log", level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
)
logger = logging.getLogger("access")
successes = Counter("auth_success_total", "Requests with a right key.")
failures = Counter("auth_failure_total", "Requests without a right key.", ["reason"])
key_header = APIKeyHeader(name="X-API-Key", auto_error=False)
limiter = Limiter(key_func=get_remote_address)

app = FastAPI()
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)


def write_line(*, client: str, method: str, path: str, status: int, milliseconds: float, request_id: str) -> None:
    """The line of a request."""
    logger.info("%s %s %s %d %.2f ms %s", client, method, path, status, milliseconds, request_id)


async def verify_key(key: Annotated[str | None, Security(key_header)]) -> None:
    """Let a request with the right key through."""
    if key is None:
        failures.labels("missing").inc()
        raise HTTPException(401, "Missing API key")
    if not hmac.compare_digest(hashlib.sha256(key.encode()).hexdigest(), setup.token_hash):
        failures.labels("invalid").inc()
        raise HTTPException(401, "Invalid API key")
    successes.inc()


class Login(BaseModel):
    """The answer's model."""

    code: int
    message: str
    timestamp: str


@app.get("/api/login", dependencies=[Security(verify_key)])
@limiter.limit("1000000000/minute")
async def login(request: Request) -> Login:
    """The answer, with the time of day."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return Login(code=200, message="Login successful.", timestamp=now)


def instrument() -> None:
    """Count requests; called once all middleware is there."""
    Instrumentator().instrument(app).expose(app, endpoint="/api/metrics")
