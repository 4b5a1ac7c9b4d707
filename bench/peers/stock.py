"""A stock ``twisted.web`` site over TLS, for the peers that differ only in their resource and their log."""

from __future__ import annotations

from twisted.internet import reactor, ssl
from twisted.internet.interfaces import IReactorSSL
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.web.http import Request
from twisted.web.resource import IResource
from twisted.web.server import Site

from bench.peers.setup import HOST, Setup


class QuietSite(Site):
    """A site without an access log."""

    def log(self, request: Request) -> None:
        """Write nothing."""


def serve(resource: IResource, site: type[Site] = Site) -> None:
    """Serve ``resource`` until SIGTERM, logging to a file as ``twistd --logfile`` does."""
    setup = Setup.from_environment()
    log = textFileLogObserver((setup.directory / "server.log").open("w"))
    globalLogBeginner.beginLoggingTo([log], redirectStandardIO=False)
    pem = setup.key.read_bytes() + setup.certificate.read_bytes()
    certificate = ssl.PrivateCertificate.loadPEM(pem)
    IReactorSSL(reactor).listenSSL(setup.port, site(resource), certificate.options(), interface=HOST)
    reactor.run()
