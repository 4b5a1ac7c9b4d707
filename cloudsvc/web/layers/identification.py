"""Identification layer: a request id and a client address for every request."""

from __future__ import annotations

import re
from collections.abc import Set
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING

from cloudsvc.access.clients import Clients
from cloudsvc.web.layers import Layer

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


class Identification(Layer):
    """
    The first layer: request id and client address, which everything after it may use.

    A request id is believed only from a trusted proxy. Ours are a random prefix for this process and a counter: unique
    and easy to search for, which is all they need to be.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._has_proxies = bool(clients.trusted or clients.unix)
        self._prefix = token_hex(4)
        self._numbers = count(1)

    def on_request(self, request: Request) -> None:
        """Set ``request.id`` and ``request.sender``."""
        headers = request.requestHeaders
        peer = getattr(request.client, "host", None)
        forwarded = headers.getRawHeaders(b"x-forwarded-for", ()) if self._has_proxies else ()
        request.sender = self._clients.identify(peer, forwarded)
        if request.sender.through_proxy:
            given = headers.getRawHeaders(b"x-request-id", (b"",))[0]
            if _ACCEPTABLE_ID.fullmatch(given):
                request.id = given.decode("ascii")
                return
        request.id = f"{self._prefix}-{next(self._numbers):08x}"

    def on_head(self, request: Request, names: Set[bytes]) -> bytes:
        """Tell the client the request id."""
        return f"X-Request-ID: {request.id}\r\n".encode("ascii")
