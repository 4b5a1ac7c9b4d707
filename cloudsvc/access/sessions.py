"""Session cookies: what a browser shows with each request, once somebody has signed in (RFC 6265)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final

from attrs import frozen
from twisted.web.http_headers import Headers

from cloudsvc.access.credentials import CredentialSource, Identified, RequestHead
from cloudsvc.access.issued import IssuedCredentials

SESSION_COOKIE: Final = b"__Host-cloudsvc"
"""
What the cookie of a session is called. Browsers take one with this prefix from the host itself alone, over TLS, for all
of its paths: no other host of the domain can set it (RFC 6265bis section 4.1.3.2).
"""

COOKIE_ATTRIBUTES: Final = b"; Path=/; Secure; HttpOnly; SameSite=Strict"
"""What is said of a cookie that no script reads, and that no page of another site has sent."""

SESSION_ENDED: Final = (b"Set-Cookie", SESSION_COOKIE + b"=; Max-Age=0" + COOKIE_ATTRIBUTES)
"""Takes the cookie of a session from the browser."""


def read_cookie(headers: Headers, name: bytes) -> bytes | None:
    """
    The value of the cookie of this name; ``None`` where there is none, or more than one, of which nobody can tell which
    is meant, or where the field is not what browsers write (RFC 6265 section 4.2.1).
    """
    lines = headers.getRawHeaders(b"cookie", ())
    pairs = [pair.partition(b"=") for line in lines for pair in line.strip().split(b"; ")]
    found = [value for key, _, value in pairs if key.strip() == name]
    return found[0] or None if len(found) == 1 else None


@frozen
class SessionCookie(CredentialSource):
    """
    ``Cookie: __Host-cloudsvc=SESSION``.

    :param has_form: whether something has the form of a session.
    """

    sessions: IssuedCredentials
    _has_form: Callable[[bytes], bool]

    name = "session"
    scheme = MappingProxyType({"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE.decode()})
    is_ambient = True

    @property
    def configured(self) -> bool:
        """See :class:`~cloudsvc.access.credentials.CredentialSource`."""
        return self.sessions.configured

    def find(self, head: RequestHead, /) -> bytes | None:
        """See :class:`~cloudsvc.access.credentials.CredentialSource`."""
        return read_cookie(head.requestHeaders, SESSION_COOKIE)

    def identify(self, credential: bytes, head: RequestHead, /) -> Identified:
        """See :class:`~cloudsvc.access.credentials.CredentialSource`."""
        return self.sessions.identify(credential)

    def identify_again(self, credential: bytes, head: RequestHead, /) -> Identified:
        """See :class:`~cloudsvc.access.credentials.CredentialSource`."""
        return self.sessions.identify_again(credential)

    def is_unguessable(self, credential: bytes, /) -> bool:
        """See :class:`~cloudsvc.access.credentials.CredentialSource`."""
        return self._has_form(credential)

    def withdraw(self) -> Sequence[tuple[bytes, bytes]]:
        """See :class:`~cloudsvc.access.credentials.CredentialSource`."""
        return (SESSION_ENDED,)
