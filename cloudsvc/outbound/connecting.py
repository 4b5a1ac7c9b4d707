"""
Connecting to servers of others: to addresses that are admitted and to no other ones, whatever a name leads to.

A name is looked up once for each connection, and connected to is what was found then: there is no second look-up, at
which it could lead somewhere else (DNS rebinding). TLS is asked for the name all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from cloudsvc.outbound.addresses import AddressPolicy

CONNECT_SECONDS: Final = 10.0
"""For one attempt to reach one address."""

MOST_ADDRESSES: Final = 8
"""Of one name."""


class AddressRefused(ConnectError):  # noqa: N818  # it says what happened
    """An address is not one to which this server connects."""


@implementer(IResolutionReceiver)
class _AdmittedAddresses:
    """Hands on those addresses of a name that are admitted, :data:`MOST_ADDRESSES` at most."""

    def __init__(self, receiver: Any, policy: AddressPolicy) -> None:
        self._receiver = receiver
        self._policy = policy
        self._left = MOST_ADDRESSES

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """See :class:`IResolutionReceiver`."""
        self._receiver.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: IAddress) -> None:
        """See :class:`IResolutionReceiver`."""
        is_admitted = isinstance(address, IPv4Address | IPv6Address) and self._policy.admits(address.host)
        if is_admitted and self._left:
            self._left -= 1
            self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:
        """See :class:`IResolutionReceiver`."""
        self._receiver.resolutionComplete()


@implementer(IHostnameResolver)
class _AdmittingResolver:
    def __init__(self, resolver: Any, policy: AddressPolicy) -> None:
        self._resolver = resolver
        self._policy = policy

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See :class:`IHostnameResolver`."""
        receiver = _AdmittedAddresses(resolutionReceiver, self._policy)
        found: IHostResolution = self._resolver.resolveHostName(
            receiver, hostName, portNumber, addressTypes, transportSemantics
        )
        return found


@implementer(IReactorPluggableNameResolver)
class AdmittingReactor:
    """
    A reactor as :class:`HostnameEndpoint` uses it, which connects to admitted addresses alone.

    Names lead to these alone, and should anything ask for another address all the same, it is refused there.

    :param reactor: any full one.
    :param resolver: finds the addresses of names, instead of the reactor's.
    """

    def __init__(self, reactor: Any, policy: AddressPolicy, resolver: Any = None) -> None:
        self._reactor = reactor
        self._policy = policy
        self._resolver = resolver

    @property
    def nameResolver(self) -> Any:
        """See :class:`IReactorPluggableNameResolver`."""
        resolver = self._reactor.nameResolver if self._resolver is None else self._resolver
        return _AdmittingResolver(resolver, self._policy)

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """See :class:`IReactorPluggableNameResolver`: that is for whoever has the reactor itself."""
        raise NotImplementedError

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None) -> Any:
        """
        See :class:`twisted.internet.interfaces.IReactorTCP`.

        :raises AddressRefused: ``host`` is no admitted address.
        """
        if not self._policy.admits(host):
            raise AddressRefused
        return self._reactor.connectTCP(host, port, factory, timeout, bindAddress)

    def seconds(self) -> float:
        """See :class:`twisted.internet.interfaces.IReactorTime`."""
        return float(self._reactor.seconds())

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> IDelayedCall:  # noqa: A002  # Twisted's name
        """See :class:`twisted.internet.interfaces.IReactorTime`."""
        call: IDelayedCall = self._reactor.callLater(delay, callable, *args, **kwargs)
        return call


class _BoundedProtocol(ProtocolWrapper):
    """Cuts a connection that brings too much: Twisted's client bounds neither heads nor contents."""

    def __init__(self, factory: Any, wrapped: Any) -> None:
        super().__init__(factory, wrapped)
        self._left = factory.most_bytes

    def dataReceived(self, data: bytes) -> None:
        """Hand on what fits."""
        self._left -= len(data)
        if self._left < 0:
            self.abortConnection()
        else:
            super().dataReceived(data)


class _BoundedFactory(WrappingFactory):
    protocol = _BoundedProtocol
    noisy = False

    def __init__(self, wrapped: IProtocolFactory, most_bytes: int) -> None:
        super().__init__(wrapped)
        self.most_bytes = most_bytes


@implementer(IStreamClientEndpoint)
class _BoundedEndpoint:
    """
    An endpoint whose connections are bounded, and can be cut by whoever has asked for one.

    :param note: is told of each connection.
    :param most_bytes: that each brings.
    """

    def __init__(self, endpoint: Any, note: Callable[[ProtocolWrapper], object], most_bytes: int) -> None:
        self._endpoint = endpoint
        self._note = note
        self._most_bytes = most_bytes

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See :class:`IStreamClientEndpoint`."""
        connected: Deferred[Any] = self._endpoint.connect(_BoundedFactory(protocolFactory, self._most_bytes))
        return connected.addCallback(self._unwrap)

    def _unwrap(self, wrapper: Any) -> IProtocol:
        self._note(wrapper)
        wrapped: IProtocol = wrapper.wrappedProtocol
        return wrapped


@implementer(IAgentEndpointFactory)
class OutboundEndpoints:
    """
    How :class:`twisted.web.client.Agent` gets its connections.

    :param reactor: connects to admitted addresses alone.
    :param make_options: TLS for a host, as :func:`twisted.internet.ssl.optionsForClientTLS` gives it.
    :param note: is told of each connection.
    :param most_bytes: that each brings, the head of the answer included.
    """

    def __init__(
        self,
        reactor: AdmittingReactor,
        make_options: Callable[[str], Any],
        note: Callable[[ProtocolWrapper], object],
        *,
        most_bytes: int,
    ) -> None:
        self._reactor = reactor
        self._make_options = make_options
        self._note = note
        self._most_bytes = most_bytes

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """See :class:`IAgentEndpointFactory`."""
        host = uri.host.decode("ascii")
        endpoint: Any = HostnameEndpoint(self._reactor, host, uri.port, timeout=CONNECT_SECONDS)
        if uri.scheme != b"http":
            endpoint = wrapClientTLS(self._make_options(host), endpoint)
        return _BoundedEndpoint(endpoint, self._note, self._most_bytes)
