"""
Requests to identity providers: over verified TLS alone, without redirects, bounded in time, bytes and number.

Where they go is said by the configuration and by documents of the provider that it names. Whatever that answers, it
holds up no event loop and fills no memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias, cast
from urllib.parse import urlencode, urlsplit

from attrs import define, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IConsumer, IProtocol, IProtocolFactory, IStreamClientEndpoint, ITCPTransport
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.internet.ssl import Certificate, optionsForClientTLS, platformTrust, trustRootFromCertificates
from twisted.logger import Logger, LogLevel
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from cloudsvc.access.openid.errors import provider_busy, provider_unavailable
from cloudsvc.core.reactors import IReactor

_log = Logger("cloudsvc.openid")

Trust: TypeAlias = Certificate | Any
"""What may have signed a certificate, as Twisted takes it."""

MOST_BYTES: Final = 512 * 1024
"""Bytes of one answer, its head included. A set of 50 keys has some 100 KiB."""

MOST_SECONDS: Final = 10.0
"""Seconds of one exchange, from looking up the host to the last byte."""

MOST_AT_A_TIME: Final = 16
"""Exchanges with one provider: whoever comes beyond that is told to try again."""

_CONNECT_SECONDS: Final = 5.0
_FORM: Final = b"application/x-www-form-urlencoded"


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
    :param trust: what may have signed its certificate, as :func:`read_trust` gives it.
    """

    _reactor: IReactor
    _name: str
    _trust: Trust
    _running: int = field(init=False, default=0)

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Fetched:
        """See :class:`Fetcher`."""
        return await self._fetch(b"GET", url, {**(headers or {})}, None)

    async def post(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        """See :class:`Fetcher`."""
        lines = {**(headers or {}), "Content-Type": _FORM.decode()}
        return await self._fetch(b"POST", url, lines, _Bytes(urlencode(form).encode()))

    async def _fetch(self, method: bytes, url: str, lines: Mapping[str, str], body: _Bytes | None) -> Fetched:
        if self._running >= MOST_AT_A_TIME:
            raise provider_busy()
        headers = Headers({"Accept": ["application/json"], "User-Agent": ["cloudsvc"]})
        for name, value in lines.items():
            headers.addRawHeader(name, value)
        self._running += 1
        connections: list[ProtocolWrapper] = []
        endpoints = _Endpoints(reactor=self._reactor, trust=self._trust, note=connections.append)
        agent = Agent.usingEndpointFactory(self._reactor, endpoints)
        try:
            work = Deferred.fromCoroutine(_exchange(agent, method, url.encode("ascii"), headers, body))
            work.addTimeout(MOST_SECONDS, self._reactor, onTimeoutCancel=_tell_late)
            return await work
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
            for each in connections:
                # Or else whoever answers for ever goes on with it, though nobody waits any more.
                _abort(each)


def read_trust(file: Path | None) -> Trust:
    """
    What may have signed the certificates of a provider. Blocks.

    :param file: certificates in PEM form; ``None`` for what everybody trusts.
    :raises OSError: it cannot be read.
    :raises ValueError: it holds no certificates.
    """
    if file is None:
        return platformTrust()
    found = x509.load_pem_x509_certificates(file.read_bytes())
    return trustRootFromCertificates([Certificate.loadPEM(each.public_bytes(Encoding.PEM)) for each in found])


def check_url(url: object) -> str:
    """
    ``url``, which may be asked: with TLS, for a host, without a user and a fragment.

    :raises ValueError: it may not.
    """
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("it is no URL")
    parts = urlsplit(url)
    _ = parts.port
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.fragment:
        raise ValueError("it is no https:// URL of a host")
    return url


async def _exchange(agent: Agent, method: bytes, url: bytes, headers: Headers, body: _Bytes | None) -> Fetched:
    response = await agent.request(method, url, headers, body)
    done: Deferred[bytes] = Deferred()
    response.deliverBody(_Body(done))
    return Fetched(status=response.code, content=_parse(await done))


def _abort(connection: ProtocolWrapper) -> None:
    cast("ITCPTransport", connection.transport).abortConnection()


def _parse(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _tell_late(*_: object) -> None:
    raise TimeoutError(f"no whole answer within {MOST_SECONDS:g} seconds")


def _shorten(problem: Exception) -> str:
    """What went wrong, in one line. Failures that Twisted keeps inside of others are those that tell."""
    reasons = getattr(problem, "reasons", None)
    inner = reasons[0].value if reasons else problem
    return " ".join(str(inner).split())[:200]


@implementer(IBodyProducer)
class _Bytes:
    """A body that is there."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.length = len(content)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See :class:`twisted.web.iweb.IBodyProducer`."""
        consumer.write(self._content)
        return succeed(None)

    def pauseProducing(self) -> None:
        """All of it is written at once."""

    def resumeProducing(self) -> None:
        """All of it is written at once."""

    def stopProducing(self) -> None:
        """All of it is written at once."""


class _Body(StreamProtocol):
    """
    Gathers the body of an answer, which its connection bounds. Twisted's own way leaves the connection open where
    nobody waits for the body any more.
    """

    def __init__(self, done: Deferred[bytes]) -> None:
        self._done = done
        self._pieces: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        """See :class:`twisted.internet.interfaces.IProtocol`."""
        self._pieces.append(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """See :class:`twisted.internet.interfaces.IProtocol`."""
        if self._done.called:
            return
        if reason is None or reason.check(ResponseDone):
            self._done.callback(b"".join(self._pieces))
        else:
            self._done.errback(reason)


class _Bounded(ProtocolWrapper):
    """A connection that ends once too much has come by it: heads have no bound of their own in Twisted's client."""

    _left = MOST_BYTES

    def dataReceived(self, data: bytes) -> None:
        """See :class:`twisted.internet.interfaces.IProtocol`."""
        self._left -= len(data)
        if self._left < 0:
            _abort(self)
        else:
            super().dataReceived(data)


class _BoundedFactory(WrappingFactory):
    protocol = _Bounded
    noisy = False


@implementer(IStreamClientEndpoint)
@frozen
class _BoundedEndpoint:
    """
    An endpoint whose connections are bounded.

    :ivar note: is told of each.
    """

    endpoint: IStreamClientEndpoint
    note: Callable[[ProtocolWrapper], object]

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """See :class:`twisted.internet.interfaces.IStreamClientEndpoint`."""
        connected: Deferred[Any] = self.endpoint.connect(_BoundedFactory(factory))
        return connected.addCallback(self._unwrap)

    def _unwrap(self, wrapper: ProtocolWrapper) -> IProtocol:
        self.note(wrapper)
        wrapped: IProtocol = wrapper.wrappedProtocol
        return wrapped


@implementer(IAgentEndpointFactory)
@frozen(kw_only=True)
class _Endpoints:
    """Where requests go: to hosts by TLS, and nowhere else."""

    reactor: IReactor
    trust: Trust
    note: Callable[[ProtocolWrapper], object]

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """See :class:`twisted.web.iweb.IAgentEndpointFactory`."""
        if uri.scheme != b"https":
            raise ValueError("only https:// is asked")
        host = uri.host.decode("ascii")
        plain = HostnameEndpoint(self.reactor, host, uri.port, timeout=_CONNECT_SECONDS)
        return _BoundedEndpoint(wrapClientTLS(optionsForClientTLS(host, trustRoot=self.trust), plain), self.note)
