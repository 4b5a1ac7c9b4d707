"""A bare ``twisted.web`` resource without access log: the yardstick for this server."""

from __future__ import annotations

from twisted.web.http import Request
from twisted.web.resource import Resource

from bench.peers.setup import BODY
from bench.peers.stock import QuietSite, serve


class Login(Resource):
    """Answers every GET alike."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """The constant answer."""
        request.responseHeaders.setRawHeaders("content-type", ["application/json"])
        return BODY


LOGIN = Login()

if __name__ == "__main__":
    serve(LOGIN, QuietSite)
