"""A bare Klein route with the stock access log."""

from __future__ import annotations

from klein import Klein
from twisted.web.http import Request

from bench.peers.setup import BODY
from bench.peers.stock import serve

app = Klein()


@app.route("/api/login", methods=["GET"])
def login(request: Request) -> bytes:
    """The constant answer."""
    request.responseHeaders.setRawHeaders("content-type", ["application/json"])
    return BODY


if __name__ == "__main__":
    serve(app.resource())
