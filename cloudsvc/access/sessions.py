"""Session cookies: what a browser shows with each request, once somebody has signed in (RFC 6265)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Final, TypeAlias

from attrs import define, field, frozen
from twisted.web.http_headers import Headers

from cloudsvc.access.caching import CredentialCache
from cloudsvc.access.credentials import CredentialSource, Identified, RequestHead
from cloudsvc.core.actors import Principal

LookUp: TypeAlias = Callable[[bytes], Awaitable[Principal | None]]

SESSION_COOKIE: Final = b"__Host-cloudsvc"
"""
What the cookie of a session is called. Browsers take one with this prefix from the host itself alone, over TLS, for all
of its paths: no other host of the domain can set it (RFC 6265bis section 4.1.3.2).
"""


def read_cookie(headers: Headers, name: bytes) -> bytes | None:
    """
    The value of the cookie of this name; ``None`` where there is none, or more than one, of which nobody can tell which
    is meant, or where the field is not what browsers write (RFC 6265 section 4.2.1).
    """
    lines = headers.getRawHeaders(b"cookie", ())
    pairs = [pair.partition(b"=") for line in lines for pair in line.strip().split(b"; ")]
    found = [value for key, _, value in pairs if key.strip() == name]
    return found[0] or None if len(found) == 1 else None


@define(eq=False)
class SessionChain:
    """
    The sessions of a store that is opened later.

    :param now: seconds of a clock that is never set, such as the reactor's.
    """

    _now: Callable[[], float]
    _cache: CredentialCache | None = field(init=False, default=None)
    _look_again: LookUp | None = field(init=False, default=None)

    @property
    def is_open(self) -> bool:
        """Whether there can be sessions at all."""
        return self._cache is not None

    def open(self, look_up: LookUp, look_again: LookUp) -> None:
        """Ask whose sessions are from now on: ``look_again`` for what is under way, which is no use of one."""
        self._cache, self._look_again = CredentialCache(look_up, self._now), look_again

    def close(self) -> None:
        """Let no session in any more."""
        self._cache = self._look_again = None

    def forget(self) -> None:
        """Something has ended: the next requests look up."""
        if self._cache is not None:
            self._cache.forget()

    def identify(self, presented: bytes) -> Identified:
        """Whose session ``presented`` is."""
        return None if self._cache is None else self._cache.identify(presented)

    def identify_again(self, presented: bytes) -> Identified:
        """Whose session ``presented`` is, which was shown before."""
        return None if self._look_again is None else self._look_again(presented)


@frozen
class SessionCookie(CredentialSource):
    """``Cookie: __Host-cloudsvc=SESSION``."""

    sessions: SessionChain

    name = "session"
    scheme = MappingProxyType({"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE.decode()})
    is_ambient = True

    @property
    def configured(self) -> bool:
        """See :class:`~cloudsvc.access.credentials.CredentialSource`."""
        return self.sessions.is_open

    def find(self, head: RequestHead, /) -> bytes | None:
        """See :class:`~cloudsvc.access.credentials.CredentialSource`."""
        return read_cookie(head.requestHeaders, SESSION_COOKIE)

    def identify(self, credential: bytes, head: RequestHead, /) -> Identified:
        """See :class:`~cloudsvc.access.credentials.CredentialSource`."""
        return self.sessions.identify(credential)

    def identify_again(self, credential: bytes, head: RequestHead, /) -> Identified:
        """See :class:`~cloudsvc.access.credentials.CredentialSource`."""
        return self.sessions.identify_again(credential)
