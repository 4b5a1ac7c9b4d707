"""A bare FastAPI route, without any guard."""
# mypy: disable-error-code="import-not-found, untyped-decorator"
# FastAPI may be installed in an interpreter of its own.

from __future__ import annotations

from fastapi import FastAPI

from bench.peers.asgi import serve
from bench.peers.setup import ANSWER

app = FastAPI()


@app.get("/api/login")
async def login() -> dict[str, int | str]:
    """The answer, checked and serialised by FastAPI as its return annotation says."""
    return ANSWER


if __name__ == "__main__":
    serve(app)
