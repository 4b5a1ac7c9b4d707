"""
Layers: middleware around every response, whatever made it. 404, 405, 500 and refused bytes pass through too.

They stand in one fixed order (see ``cloudsvc.server.site``): identification, observation, security headers, CORS.
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request
    from cloudsvc.web.responses import Response


class Layer:
    """Something around the resource tree. A subclass overrides what it needs; the site skips what it does not."""

    def on_request(self, request: Request) -> Response | None:
        """The head of a request is complete. A response ends the request here, before routing."""

    def on_head(self, request: Request, names: Set[bytes]) -> bytes:
        """
        The head of the response is about to be written: the lines to add to it, each ending in CR LF.

        They are written as they are, so nothing of the client's may get into them unchecked.

        :param names: of the fields that are there already, in lower case; those are the handler's business.
        """
        return b""

    def on_done(self, request: Request) -> None:
        """The response is written in full, or the connection is gone (``request.status`` is 499 then)."""
