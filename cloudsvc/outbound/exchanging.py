"""
Exchanges with servers of others: one request, answered within bounds of time and bytes, or not.

Redirects are not followed, and no proxy that the environment names is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.protocol import Protocol
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

from cloudsvc.outbound.connecting import AdmittingReactor, OutboundEndpoints
from cloudsvc.outbound.trust import Trust


@define(eq=False, kw_only=True)
class Exchange:
    """
    One request on a connection of its own, which ends with it.

    :param trust: in the certificate of the host.
    :param seconds: for all of it, from the look-up of the name to the last byte of the answer.
    :param most_bytes: that the connection brings, the head of the answer included.
    :ivar head: of the answer, once it has come.
    """

    _reactor: AdmittingReactor
    _trust: Trust
    _seconds: float
    _most_bytes: int
    head: IResponse | None = field(default=None, init=False)
    _connections: list[ProtocolWrapper] = field(factory=list, init=False)

    async def run(self, method: bytes, url: str, fields: Mapping[str, str], content: bytes | None) -> tuple[int, bytes]:
        """
        The status and the content of the answer, when it has come whole.

        :param url: in ASCII.
        :raises TimeoutError: it has not in time.
        :raises CancelledError: whoever waits for it does so no more.
        :raises Exception: whatever else went wrong, as Twisted's client has it.
        """
        clock: Any = self._reactor
        work = Deferred.fromCoroutine(self._ask(method, url, fields, content))
        work.addTimeout(self._seconds, clock, onTimeoutCancel=_tell_late)
        try:
            return await work
        except Exception as problem:
            if any(isinstance(each, CancelledError | ConnectingCancelledError) for each in list_reasons(problem)):
                # It was this request that was cancelled, and so whoever waits for it.
                raise CancelledError from problem
            raise
        finally:
            # Or else whoever answers for ever goes on with it, though nobody waits any more.
            for each in self._connections:
                each.abortConnection()

    async def _ask(
        self, method: bytes, url: str, fields: Mapping[str, str], content: bytes | None
    ) -> tuple[int, bytes]:
        endpoints = OutboundEndpoints(
            self._reactor, self._trust.make_options, self._connections.append, most_bytes=self._most_bytes
        )
        agent = Agent.usingEndpointFactory(self._reactor, endpoints)
        headers = Headers({name: [value] for name, value in fields.items()})
        body = None if content is None else _Content(content)
        self.head = head = await agent.request(method, url.encode("ascii"), headers, body)
        done: Deferred[bytes] = Deferred()
        head.deliverBody(_Gatherer(done))
        return head.code, await done


def list_reasons(problem: BaseException) -> Iterator[BaseException]:
    """It and what it was made of: Twisted's client gathers failures."""
    yield problem
    for each in getattr(problem, "reasons", None) or ():
        yield from list_reasons(each.value)


def _tell_late(_: object, seconds: float) -> None:
    raise TimeoutError(f"no whole answer within {seconds:g} seconds")


class _Gatherer(Protocol):
    """
    Gathers the content of an answer, which its connection bounds. Twisted's own way leaves the connection open where
    nobody waits for the content any more.
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
