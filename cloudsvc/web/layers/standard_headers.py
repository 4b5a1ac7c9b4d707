"""Standard header fields of every response: the date, and what tells browsers to be careful."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, Final

from twisted.web.http import datetimeToString

from cloudsvc.core.clock import WallClock
from cloudsvc.web.layers import Layer

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

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
        self._fields: Final = [
            (name, value.encode("utf-8"))
            for name, value in (
                (b"Strict-Transport-Security", f"max-age={hsts_max_age}; includeSubDomains"),
                (b"X-Content-Type-Options", "nosniff"),
                (b"X-Frame-Options", "DENY"),
                (b"Content-Security-Policy", content_security_policy),
                (b"Referrer-Policy", "strict-origin-when-cross-origin"),
                (b"Cross-Origin-Opener-Policy", "same-origin"),
                (b"Cross-Origin-Resource-Policy", "same-origin"),
                (b"Permissions-Policy", _PERMISSIONS),
                # Messages hold for one client at one moment, and so may whatever says nothing else of itself
                # (RFC 9111 section 5.2.2.5).
                (b"Cache-Control", "no-store"),
            )
        ]
        self._names: Final = {name.lower() for name, _ in self._fields}
        self._now = now
        self._second = -1
        self._date = self._all = b""

    def on_head(self, request: Request, names: Set[bytes]) -> bytes:
        """The date, and each policy that the answer does not have of its own."""
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._date = b"Date: %b\r\n" % datetimeToString(second)
            self._all = self._date + self._lines(frozenset())
        if self._names.isdisjoint(names):
            return self._all
        return self._date + self._lines(names)

    def _lines(self, own: Set[bytes]) -> bytes:
        return b"".join(b"%b: %b\r\n" % field for field in self._fields if field[0].lower() not in own)
