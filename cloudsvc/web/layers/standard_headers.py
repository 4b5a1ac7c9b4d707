"""Header fields that every response has: the date, and what tells browsers to be careful."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.web.http import datetimeToString

from cloudsvc.core.clock import WallClock
from cloudsvc.web.layers import Layer

if TYPE_CHECKING:
    from cloudsvc.web.request import Request

_PERMISSIONS: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


class StandardHeaders(Layer):
    """
    Fills in what is absent, so that a route may have a policy of its own.

    :param hsts_max_age: seconds (RFC 6797 section 6.1.1).
    :param content_security_policy: for routes without their own.
    """

    def __init__(self, *, hsts_max_age: int, content_security_policy: str, now: WallClock) -> None:
        self._fields: Final = tuple(
            (name.encode("ascii"), [value.encode("utf-8")])
            for name, value in (
                ("Strict-Transport-Security", f"max-age={hsts_max_age}; includeSubDomains"),
                ("X-Content-Type-Options", "nosniff"),
                ("X-Frame-Options", "DENY"),
                ("Content-Security-Policy", content_security_policy),
                ("Referrer-Policy", "strict-origin-when-cross-origin"),
                ("Cross-Origin-Opener-Policy", "same-origin"),
                ("Cross-Origin-Resource-Policy", "same-origin"),
                ("Permissions-Policy", _PERMISSIONS),
            )
        )
        self._now = now
        self._second = -1
        self._date: bytes = b""
        self._format: Callable[[float], bytes] = datetimeToString

    def depart(self, request: Request) -> None:
        """Complete the head of the response."""
        headers = request.responseHeaders
        for name, values in self._fields:
            if not headers.hasHeader(name):
                headers.setRawHeaders(name, values)
        second = int(self._now())
        if second != self._second:
            self._second, self._date = second, self._format(second)
        headers.setRawHeaders(b"Date", [self._date])
