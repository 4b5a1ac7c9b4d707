"""
Posting to servers of others: one request, answered within bounds of time and bytes, or not.

Redirects are not followed, and no proxy that the environment names is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final

from attrs import define, field, frozen
from OpenSSL import SSL, crypto
from service_identity.exceptions import VerificationError
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed  # noqa: A004  # of Deferred.addTimeout
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import Certificate, optionsForClientTLS, platformTrust, trustRootFromCertificates
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from cloudsvc.core.clock import Instant, read_clock
from cloudsvc.outbound.addresses import AddressPolicy
from cloudsvc.outbound.connecting import AdmittingReactor, OutboundEndpoints

ANSWER_SECONDS: Final = 15.0
"""For all of a request, from the look-up of the name to the last byte of the answer that is waited for."""

MOST_CONTENT: Final = 64 * 2**10
"""Bytes of the content of an answer that are read, so that whoever sends it gets to its end; none is kept."""

_MOST_HOSTS: Final = 64
"""For which how TLS is spoken is kept: to make it reads all certificates that are trusted."""

_MOST_DELAY: Final = 24 * 60 * 60
"""Seconds of ``Retry-After`` that are believed."""

_DATE: Final = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT", re.ASCII)
"""The one form of a date in which it is sent (RFC 9110 section 5.6.7)."""

_SECOND: Final = 1_000_000


class Trouble(Enum):
    """Why a request was not answered."""

    UNREACHABLE = "unreachable"
    """Its host has no address to which this server connects, or none where anybody accepts."""
    UNTRUSTED = "untrusted"
    """TLS could not be begun: mostly, the certificate is not the host's, or nobody who is trusted has signed it."""
    SILENT = "silent"
    """There was no answer in time."""
    BROKEN = "broken"
    """The connection ended without a whole head of an answer, or what came was none."""


@frozen(kw_only=True)
class Answer:
    """
    What came of a request.

    :ivar status: of the answer; ``None`` where there was none.
    :ivar trouble: why there was none.
    :ivar retry_after: seconds after which the receiver wants to be asked again, where it said so.
    """

    status: int | None = None
    trouble: Trouble | None = None
    retry_after: int | None = None


@define(eq=False)
class Poster:
    """
    Posts to others.

    :param reactor: any full one.
    :param policy: to which addresses.
    :param authorities: certificates in PEM that are trusted instead of those of the system.
    :param resolver: finds the addresses of names, as :class:`cloudsvc.outbound.lookups.Lookups` does, instead of the
        reactor's own.
    :param now: the moment of the wall clock, by which dates of receivers are understood.
    """

    _reactor: Any
    _policy: AddressPolicy
    _authorities: bytes | None = None
    _seconds: float = ANSWER_SECONDS
    _resolver: Any = None
    _now: Callable[[], Instant] = read_clock
    _options: dict[str, Any] = field(factory=dict, init=False)

    async def post(self, url: str, fields: Mapping[str, str], content: bytes) -> Answer:
        """
        Post ``content`` to ``url``, as :meth:`cloudsvc.outbound.urls.Destinations.check` has passed it. It never fails:
        what goes wrong is the answer.
        """
        reactor = AdmittingReactor(self._reactor, self._policy, self._resolver)
        exchange = _Exchange(reactor, self._make_options, self._now)
        work = Deferred.fromCoroutine(exchange.run(url, fields, content))
        work.addTimeout(self._seconds, self._reactor)
        trouble: Trouble | None = None
        try:
            await work
        except CancelledError:
            raise
        except Exception as problem:  # noqa: BLE001  # whatever others do, it is their answer
            trouble = _find_trouble(problem)
        finally:
            exchange.cut()
        if exchange.status is not None:
            return Answer(status=exchange.status, retry_after=exchange.retry_after)
        return Answer(trouble=trouble)

    def _make_options(self, host: str) -> Any:
        if host not in self._options:
            if len(self._options) >= _MOST_HOSTS:
                self._options.clear()
            self._options[host] = optionsForClientTLS(host, trustRoot=self._make_trust())
        return self._options[host]

    def _make_trust(self) -> Any:
        return platformTrust() if self._authorities is None else read_authorities(self._authorities)


def read_authorities(pem: bytes) -> Any:
    """
    Certificates in PEM as what is trusted.

    :raises ValueError: there is none, or one cannot be read.
    """
    mark = b"-----BEGIN CERTIFICATE-----"
    parts = pem.split(mark)[1:]
    try:
        found = [Certificate.loadPEM(mark + part) for part in parts]
    except (crypto.Error, ValueError) as problem:
        raise ValueError("a certificate in it cannot be read") from problem
    if not found:
        raise ValueError("there is no certificate in it")
    return trustRootFromCertificates(found)


@define(eq=False)
class _Exchange:
    """
    One request on a connection of its own.

    :ivar status: of the answer, once its head has come.
    """

    _reactor: AdmittingReactor
    _make_options: Any
    _now: Callable[[], Instant]
    status: int | None = field(default=None, init=False)
    retry_after: int | None = field(default=None, init=False)
    _connections: list[ProtocolWrapper] = field(factory=list, init=False)

    async def run(self, url: str, fields: Mapping[str, str], content: bytes) -> None:
        endpoints = OutboundEndpoints(self._reactor, self._make_options, self._connections.append)
        agent = Agent.usingEndpointFactory(self._reactor, endpoints)
        headers = Headers({name: [value] for name, value in fields.items()})
        try:
            response = await agent.request(b"POST", url.encode("ascii"), headers, _Content(content))
        except Exception as problem:
            if any(isinstance(each, CancelledError | ConnectingCancelledError) for each in _list_reasons(problem)):
                # It was this request that was cancelled, and so whoever waits for it.
                raise CancelledError from problem
            raise
        self.status = response.code
        self.retry_after = _read_delay(response.headers.getRawHeaders(b"Retry-After", [b""])[0], self._now())
        done: Deferred[None] = Deferred()
        response.deliverBody(_Drain(done))
        await done

    def cut(self) -> None:
        """End the connection, if there still is one."""
        for each in self._connections:
            each.abortConnection()


class _Drain(Protocol):
    """Takes the content of an answer, :data:`MOST_CONTENT` of it at most."""

    def __init__(self, done: Deferred[None]) -> None:
        self._done = done
        self._left = MOST_CONTENT

    def dataReceived(self, data: bytes) -> None:
        """Count it."""
        self._left -= len(data)
        if self._left < 0:
            self._finish()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """It is at its end, whole or not."""
        self._finish()

    def _finish(self) -> None:
        if not self._done.called:
            self._done.callback(None)


@implementer(IBodyProducer)
class _Content:
    """The content of a request, which is in memory and sent at once."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.length = len(content)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """See :class:`IBodyProducer`."""
        consumer.write(self._content)
        return succeed(None)

    def pauseProducing(self) -> None:
        """See :class:`IBodyProducer`."""

    def resumeProducing(self) -> None:
        """See :class:`IBodyProducer`."""

    def stopProducing(self) -> None:
        """See :class:`IBodyProducer`."""


def _find_trouble(problem: BaseException) -> Trouble:
    reasons = [*_list_reasons(problem)]
    if any(isinstance(each, SSL.Error | VerificationError) for each in reasons):
        return Trouble.UNTRUSTED
    if any(isinstance(each, ConnectError | DNSLookupError | ConnectTimeout) for each in reasons):
        return Trouble.UNREACHABLE
    return Trouble.SILENT if isinstance(problem, TimeoutError) else Trouble.BROKEN


def _list_reasons(problem: BaseException) -> Iterator[BaseException]:
    """It and what it was made of: Twisted's client gathers failures."""
    yield problem
    for each in getattr(problem, "reasons", ()):
        yield from _list_reasons(each.value)


def _read_delay(value: bytes, now: Instant) -> int | None:
    """Seconds of ``Retry-After`` (RFC 9110 section 10.2.3), a number or a date; ``None`` where it is neither."""
    text = value.decode("latin-1")
    if value.isdigit():
        return min(int(text), _MOST_DELAY) if len(text) < 10 else None  # noqa: PLR2004  # no number of seconds is so long
    if _DATE.fullmatch(text) is None:
        return None
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
    return min(max(0, round(moment - now / _SECOND)), _MOST_DELAY)
