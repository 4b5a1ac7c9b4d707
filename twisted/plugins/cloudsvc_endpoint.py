"""The endpoint prefix ``cloudsvc:``, which puts the server's reloading TLS around any other endpoint description."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorCore, IStreamServerEndpoint, IStreamServerEndpointStringParser
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(IPlugin, IStreamServerEndpointStringParser)
class ReloadingTLSParser:
    """Parses ``cloudsvc:INNER``; see :mod:`cloudsvc.listen.endpoints`."""

    prefix = "cloudsvc"

    def parseStreamServer(self, reactor: IReactorCore, *args: object, **kwargs: object) -> IStreamServerEndpoint:
        """The endpoint INNER, inside TLS."""
        # Every command of twistd loads this file: what it takes to listen is imported by whoever listens.
        from cloudsvc.listen.endpoints import wrap_description  # noqa: PLC0415  # as above

        return wrap_description(reactor, *map(str, args), **{key: str(value) for key, value in kwargs.items()})


parser = ReloadingTLSParser()
