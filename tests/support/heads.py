"""Heads of requests, as credential sources see them."""

from __future__ import annotations

from attrs import field, frozen
from twisted.web.http_headers import Headers


@frozen(kw_only=True)
class Head:
    """See :class:`cloudsvc.access.credentials.RequestHead`."""

    method: bytes = b"GET"
    uri: bytes = b"/api/demo/key"
    requestHeaders: Headers = field(factory=Headers)

    @property
    def path(self) -> bytes:
        return self.uri.partition(b"?")[0]


def make_head(*fields: tuple[bytes, bytes]) -> Head:
    """A head with these header fields."""
    headers = Headers()
    for name, value in fields:
        headers.addRawHeader(name, value)
    return Head(requestHeaders=headers)
