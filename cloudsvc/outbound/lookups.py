"""
Look-ups of names in threads of their own: whoever names a host whose name server never answers holds up nothing else
that has names looked up in the reactor's threads.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004  # of Deferred.addTimeout
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IReactorTime, IResolutionReceiver
from zope.interface import implementer

from cloudsvc.core.threads import ThreadRunner

LOOKUP_THREADS: Final = 16
"""The system looks up a name for as long as it wants, and a thread goes on with it when nobody waits any more."""

MOST_LOOKUPS: Final = 64
"""That are waited for at once. What comes above finds nothing."""

LOOKUP_SECONDS: Final = 10.0
"""For which one is waited for. What has not begun by then never does."""


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """See :class:`IHostResolution`. Nobody ends one: it has an end of its own."""
        raise NotImplementedError


@implementer(IHostnameResolver)
@define(eq=False, kw_only=True)
class Lookups:
    """
    Finds the addresses of names, as the system does. Whatever goes wrong, there are none.

    :param threads: in which the system is asked.
    :param look_up: as :func:`socket.getaddrinfo`.
    """

    _threads: ThreadRunner
    _clock: IReactorTime
    _look_up: Callable[..., Sequence[Any]] = socket.getaddrinfo
    _running: int = field(default=0, init=False)

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See :class:`IHostnameResolver`. Addresses are those of TCP, of both kinds."""
        resolution: IHostResolution = _Resolution(hostName)
        Deferred.fromCoroutine(self._tell(resolutionReceiver, resolution, portNumber))
        return resolution

    async def _tell(self, receiver: Any, resolution: IHostResolution, port: int) -> None:
        receiver.resolutionBegan(resolution)
        for family, _, _, _, address in await self._find(resolution.name, port):
            kind = IPv6Address if family == socket.AF_INET6 else IPv4Address
            receiver.addressResolved(kind("TCP", *address))
        receiver.resolutionComplete()

    async def _find(self, name: str, port: int) -> Sequence[Any]:
        if self._running >= MOST_LOOKUPS:
            return ()
        self._running += 1
        try:
            work = Deferred.fromCoroutine(
                self._threads.run(self._look_up, name, port, socket.AF_UNSPEC, socket.SOCK_STREAM)
            )
            return await work.addTimeout(LOOKUP_SECONDS, self._clock)
        except (OSError, UnicodeError, TimeoutError, RuntimeError):
            return ()
        finally:
            self._running -= 1
