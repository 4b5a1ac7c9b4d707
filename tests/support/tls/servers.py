"""A tiny HTTP server behind whatever endpoint a live test names, and blocking clients that leave the reactor free."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Coroutine
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest_twisted  # type: ignore[import-untyped]  # has no types
from attrs import define, field
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from cloudsvc.listen.endpoints import listen
from cloudsvc.tls.files import CertificateFiles
from cloudsvc.tls.reloading import ReloadingCertificate
from tests.support.inline_threads import Inline

P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT = 200.0


class Echo(Resource):
    """Answers every path with who asked, as JSON."""

    isLeaf = True
    status = 200
    answer: bytes | None = None

    def render_GET(self, request: Request) -> bytes:
        request.setResponseCode(self.status)
        if self.answer is not None:
            return self.answer
        client = request.getClientAddress()
        return json.dumps({"client": getattr(client, "host", None)}).encode()


async def outside(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the blocking ``function`` returns or raises, run in a thread while the reactor goes on serving."""
    return await deferToThread(function, *args, **kwargs)


async def run(*command: str | Path, content: str = "") -> subprocess.CompletedProcess[str]:
    """Run a tool to its end while the reactor goes on serving."""
    return await outside(
        subprocess.run,
        [str(word) for word in command],
        input=content,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


class _Site(Site):
    """Without a timer, which Twisted forgets to stop where a Unix socket cannot be bound."""

    def startFactory(self) -> None:
        pass

    def stopFactory(self) -> None:
        pass


@define
class Serving:
    """A certificate in service, and the ports that serve it; :meth:`close` ends both."""

    files: CertificateFiles
    certificate: ReloadingCertificate
    resource: Echo = field(factory=Echo)
    ports: list[IListeningPort] = field(factory=list)

    def listen(self, *descriptions: str) -> IListeningPort:
        """Listen on all of ``descriptions``; returns the first port."""
        from twisted.internet import reactor  # noqa: PLC0415 - installed by then

        site = _Site(self.resource)
        ports = listen(reactor, descriptions, site, self.certificate)
        self.ports.extend(ports)
        return ports[0]

    def listen_tcp(self, prefix: str = "cloudsvc:") -> int:
        """Listen on a free port of the loopback address; returns its number."""
        address = self.listen(f"{prefix}tcp:0:interface=127.0.0.1").getHost()
        return int(address.port)  # type: ignore[attr-defined]  # of TCP

    def close(self) -> None:
        """Wait until nothing listens any more; for fixtures, which may."""
        for port in self.ports:
            pytest_twisted.blockon(maybeDeferred(port.stopListening))


def serve(files: CertificateFiles) -> Serving:
    """Put ``files`` into service; nothing listens yet."""
    from twisted.internet import reactor  # noqa: PLC0415 - installed by then

    certificate = ReloadingCertificate(
        files, clock=reactor, wall_clock=time.time, threads=Inline(), renewal=None, names=()
    )
    return Serving(files, certificate)


def in_reactor(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test in the reactor."""
    decorated: Callable[P, None] = pytest_twisted.ensureDeferred(test)
    return decorated


def trust(certificate: Path) -> ssl.SSLContext:
    """A client that trusts ``certificate`` and nothing else."""
    return ssl.create_default_context(cafile=str(certificate))


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), TIMEOUT)


def ask(connection: socket.socket, context: ssl.SSLContext, name: str = "localhost") -> tuple[Any, int]:
    """The answer over TLS on ``connection``, and the serial number of the certificate that served it."""
    with context.wrap_socket(connection, server_hostname=name) as secure:
        certificate = secure.getpeercert()
        assert certificate is not None
        client = HTTPConnection(name)
        client.sock = secure
        client.request("GET", "/", headers={"Connection": "close"})
        return json.loads(client.getresponse().read()), int(str(certificate["serialNumber"]), 16)
