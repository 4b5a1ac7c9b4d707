"""Cross-origin resource sharing (the Fetch standard, section 3.2)."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from attrs import frozen

from cloudsvc.web.layers import Layer
from cloudsvc.web.responses import HeaderList, Response

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request


@frozen(kw_only=True)
class Sharing:
    """
    What pages of other origins may do.

    :ivar origins: such as ``https://app.example``; ``*`` is any, which excludes credentials.
    :ivar max_age: seconds for which a browser may remember a preflight answer.
    """

    origins: tuple[str, ...]
    credentials: bool
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    max_age: int


class CrossOrigin(Layer):
    """Answers preflight requests and marks answers that another origin may read."""

    def __init__(self, sharing: Sharing) -> None:
        if "*" in sharing.origins and sharing.credentials:
            raise ValueError("any origin together with credentials would let every site act as the user")
        self._any = "*" in sharing.origins
        self._origins = {origin.encode("ascii") for origin in sharing.origins}
        self._on_answers = b"Access-Control-Allow-Credentials: true\r\n" if sharing.credentials else b""
        if sharing.expose:
            self._on_answers += b"Access-Control-Expose-Headers: %b\r\n" % ", ".join(sharing.expose).encode("ascii")
        self._on_preflights: HeaderList = (
            (b"Access-Control-Allow-Methods", ", ".join(sharing.methods).encode("ascii")),
            (b"Access-Control-Allow-Headers", ", ".join(sharing.headers).encode("ascii")),
            (b"Access-Control-Max-Age", b"%d" % sharing.max_age),
        )

    def on_request(self, request: Request) -> Response | None:
        """Answer a preflight request. Without permission in the answer the browser goes no further."""
        headers = request.requestHeaders
        if request.method != b"OPTIONS" or not headers.hasHeader(b"access-control-request-method"):
            return None
        allowed = self._allow(request) is not None
        return Response(status=204, headers=self._on_preflights if allowed else ())

    def on_head(self, request: Request, names: Set[bytes]) -> bytes:
        """Mark an answer that the requesting origin may read."""
        vary = b"" if self._any else b"Vary: Origin\r\n"
        allowed = self._allow(request)
        if allowed is None:
            return vary
        return b"%bAccess-Control-Allow-Origin: %b\r\n%b" % (vary, allowed, self._on_answers)

    def _allow(self, request: Request) -> bytes | None:
        origin = request.getHeader(b"origin")
        if origin is None:
            return None
        if self._any:
            return b"*"
        return origin if origin in self._origins else None
