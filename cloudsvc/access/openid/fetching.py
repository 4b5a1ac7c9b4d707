"""
Requests to identity providers: over verified TLS alone, without redirects, bounded in time, bytes and number.

Where they go is said by the configuration and by documents of the provider that it names. Whatever that answers, it
holds up no event loop and fills no memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError
from twisted.logger import Logger, LogLevel

from cloudsvc.access.openid.errors import provider_busy, provider_unavailable
from cloudsvc.access.openid.metadata import check_url
from cloudsvc.core.reactors import IReactor
from cloudsvc.outbound.addresses import ANYWHERE
from cloudsvc.outbound.connecting import AdmittingReactor
from cloudsvc.outbound.exchanging import Exchange, list_reasons
from cloudsvc.outbound.trust import Trust

_log = Logger("cloudsvc.openid")

MOST_BYTES: Final = 512 * 1024
"""Bytes of one answer, its head included. A set of 50 keys has some 100 KiB."""

MOST_SECONDS: Final = 10.0
"""Seconds of one exchange, from looking up the host to the last byte."""

MOST_AT_A_TIME: Final = 16
"""Exchanges with one provider: whoever comes beyond that is told to try again."""

_FIELDS: Final = {"Accept": "application/json", "User-Agent": "cloudsvc"}
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@frozen(kw_only=True)
class Fetched:
    """
    What a provider has answered.

    :ivar content: the JSON object of the body; empty where it is something else.
    """

    status: int
    content: Mapping[str, Any] = field(repr=False)


class Fetcher(Protocol):
    """Requests to one provider."""

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Fetched:
        """
        The answer to ``GET``.

        :raises CloudError: there is none, or none in time, or it is too long.
        """
        ...

    async def post(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        """The answer to ``POST`` of a form; for errors see :meth:`get`."""
        ...


@define(eq=False, kw_only=True)
class HTTPSFetcher:
    """
    A :class:`Fetcher` over HTTPS.

    :param name: of the provider, for the log.
    :param trust: in its certificate.
    :param resolver: finds the addresses of names, as :class:`cloudsvc.outbound.lookups.Lookups` does, instead of the
        reactor's own.
    """

    _reactor: IReactor
    _name: str
    _trust: Trust
    _resolver: Any = None
    _running: int = field(init=False, default=0)

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Fetched:
        """See :class:`Fetcher`."""
        return await self._fetch(b"GET", url, headers or {}, None)

    async def post(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        """See :class:`Fetcher`."""
        return await self._fetch(b"POST", url, {**(headers or {}), **_FORM}, urlencode(form).encode())

    async def _fetch(self, method: bytes, url: str, fields: Mapping[str, str], content: bytes | None) -> Fetched:
        if self._running >= MOST_AT_A_TIME:
            raise provider_busy()
        exchange = Exchange(
            reactor=AdmittingReactor(self._reactor, ANYWHERE, self._resolver),
            trust=self._trust,
            seconds=MOST_SECONDS,
            most_bytes=MOST_BYTES,
        )
        self._running += 1
        try:
            status, told = await exchange.run(method, check_url(url), {**_FIELDS, **fields}, content)
        except CancelledError:
            raise
        except Exception as problem:  # noqa: BLE001  # whatever a stranger has caused, it is the same to who signs in
            # Of the URL, only where it is: a query could hold anything.
            parts = urlsplit(url)
            _log.emit(
                LogLevel.warn,
                "identity provider {name}: {host}{path} cannot be asked: {kind}: {reason}",
                name=self._name,
                host=parts.netloc,
                path=parts.path,
                kind=type(problem).__name__,
                reason=_shorten(problem),
            )
            raise provider_unavailable() from None
        finally:
            self._running -= 1
        return Fetched(status=status, content=_parse(told))


def _parse(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _shorten(problem: Exception) -> str:
    """What went wrong, in one line. Failures that Twisted keeps inside of others are those that tell."""
    first = [*list_reasons(problem)][:2][-1]
    return " ".join(str(first).split())[:200]
