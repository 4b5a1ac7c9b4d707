"""Endpoint descriptions: composing them, the prefix of our own, and what is said when one cannot be used."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL.SSL import Connection
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorCore,
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import IPlugin, getPlugins
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from cloudsvc.core.errors import OperatorError
from cloudsvc.listen.endpoints import BACKLOG, compose_description, listen, serving
from cloudsvc.listen.sockets import explain
from cloudsvc.tls.reloading import ReloadingCertificate
from tests.support.inline_threads import Inline
from tests.support.tls.certificates import make
from tests.support.tls.servers import TIMEOUT

ROOT = Path(__file__).parents[2]
NOW = 1_800_000_000.0


def make_reactor() -> MemoryReactorClock:
    return MemoryReactorClock()


def cannot_listen(interface: str | None, port: int | bytes, reason: Exception | str) -> CannotListenError:
    return CannotListenError(interface, port, reason)


def parse(reactor: MemoryReactorClock, description: str) -> IStreamServerEndpoint:
    return serverFromString(reactor, description)  # type: ignore[no-any-return]  # Twisted's is untyped


@pytest.fixture
def certificate(tmp_path: Path) -> ReloadingCertificate:
    return ReloadingCertificate(
        make(tmp_path / "certs", NOW), clock=Clock(), wall_clock=lambda: NOW, threads=Inline(), renewal=None, names=()
    )


@pytest.fixture
def factory() -> Factory:
    return Factory.forProtocol(Protocol)


def faults_of(factory: Factory, certificate: ReloadingCertificate, *descriptions: str) -> tuple[str, ...]:
    with pytest.raises(OperatorError) as caught:
        listen(make_reactor(), descriptions, factory, certificate)
    return caught.value.lines


@pytest.mark.parametrize(
    ("host", "interface"),
    [("", ""), ("192.0.2.1", "192.0.2.1"), ("::", "::"), ("[::1]", "::1"), ("localhost", "localhost")],
)
def test_composed_description_listens_where_it_says(
    host: str, interface: str, factory: Factory, certificate: ReloadingCertificate
) -> None:
    reactor = make_reactor()
    listen(reactor, [compose_description(host, 8443)], factory, certificate)
    [(port, _, backlog, bound)] = reactor.tcpServers
    assert (port, bound, backlog) == (8443, interface, BACKLOG)


@implementer(IOpenSSLServerConnectionCreator)
class NoCertificate:
    """Enough for endpoints that nobody connects to."""

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Connection:
        raise NotImplementedError


@given(st.text("a1:=\\", min_size=1, max_size=8))
def test_arguments_pass_the_prefix_unchanged(name: str) -> None:
    reactor = make_reactor()
    quoted = "".join(f"\\{character}" if character in ":=\\" else character for character in name)
    with serving(NoCertificate()):
        parse(reactor, f"cloudsvc:unix:/{quoted}:mode=600").listen(Factory())
    assert reactor.unixServers[0][0] == f"/{name}"


def test_proxy_header_comes_before_tls(factory: Factory, certificate: ReloadingCertificate) -> None:
    reactor = make_reactor()
    listen(reactor, ["cloudsvc:haproxy:tcp:8443:interface=127.0.0.1"], factory, certificate)
    [(_, outermost, _, interface)] = reactor.tcpServers
    assert interface == "127.0.0.1"
    assert type(outermost).__name__ == "HAProxyWrappingFactory"
    assert isinstance(outermost.wrappedFactory, TLSMemoryBIOFactory)  # type: ignore[attr-defined]  # the haproxy wrapper's own


def test_plain_endpoints_stay_plain(factory: Factory, certificate: ReloadingCertificate) -> None:
    reactor = make_reactor()
    assert len(listen(reactor, ["tcp:80", "unix:/run/x"], factory, certificate)) == 2
    assert [server[1] for server in (*reactor.tcpServers, *reactor.unixServers)] == [factory, factory]


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("carrier-pigeon:7", "Unknown endpoint type: 'carrier-pigeon'"),
        ("cloudsvc:carrier-pigeon:7", "Unknown endpoint type: 'carrier-pigeon'"),
        ("cloudsvc:", "there is nothing to listen on in 'cloudsvc:'"),
        ("cloudsvc", "there is nothing to listen on in 'cloudsvc'"),
        ("", "there is nothing to listen on in ''"),
        ("tcp:https", "it is not a valid endpoint description (no number is 'https')"),
        ("cloudsvc:haproxy:tcp:https", "it is not a valid endpoint description (no number is 'https')"),
        ("tcp:65536:interface=::1", "a port is a number from 0 to 65535, not 65536"),
        ("cloudsvc:tcp:-1", "a port is a number from 0 to 65535, not -1"),
        ("tcp:443:colour=red", "it is not a valid endpoint description"),
        ("tcp", "it is not a valid endpoint description"),
        ("cloudsvc:systemd:domain=INET:index=0", "start it by a systemd socket unit"),
        ("systemd:domain=INET:name=web", "start it by a systemd socket unit"),
        ("ssl:443:privateKey=/nonexistent/key.pem", "/nonexistent/key.pem: No such file or directory"),
    ],
)
def test_each_bad_description_is_one_line(
    description: str, words: str, factory: Factory, certificate: ReloadingCertificate
) -> None:
    (line,) = faults_of(factory, certificate, description)
    assert line.startswith(f"cannot listen on {description}: ")
    assert words in line
    assert "\n" not in line


def test_every_bad_description_is_told(factory: Factory, certificate: ReloadingCertificate) -> None:
    assert len(faults_of(factory, certificate, "tcp:1", "x:1", "y:2")) == 2


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            cannot_listen("", 443, OSError(errno.EADDRINUSE, "in use")),
            "another server listens on port 443: stop it, or choose another (set PORT)",
        ),
        (cannot_listen("", 443, PermissionError(errno.EACCES, "no")), "need root or CAP_NET_BIND_SERVICE"),
        (cannot_listen("", 8443, PermissionError(errno.EPERM, "no")), "let the server's user"),
        (cannot_listen(None, b"/run/x", PermissionError(errno.EACCES, "no")), "/run/x is not permitted"),
        (cannot_listen(None, b"/run/x", "Cannot acquire lock"), "another server listens on /run/x"),
        (
            cannot_listen("192.0.2.1", 1, OSError(errno.EADDRNOTAVAIL, "no")),
            "this host has no address 192.0.2.1",
        ),
        (cannot_listen("nowhere", 1, socket.gaierror(-2, "unknown")), "nowhere is no address of this host"),
        (cannot_listen("", 1, OSError(errno.ENOBUFS, "No buffer space")), "port 1: "),
        (FileNotFoundError(errno.ENOENT, "no", "4242", None, b"/run/x.lock"), "/run/x.lock: no"),
        (OperatorError(["one", "two"]), "one; two"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_explanation_says_what_to_do(error: Exception, words: str) -> None:
    assert words in explain(error)


@implementer(IPlugin, IStreamServerEndpointStringParser, IStreamServerEndpoint)
class OddParser:
    """Gives an endpoint that answers as the test wants."""

    prefix = "odd"

    def __init__(self, outcome: Deferred[IListeningPort]) -> None:
        self.outcome = outcome

    def parseStreamServer(self, reactor: IReactorCore, *args: object, **kwargs: object) -> IStreamServerEndpoint:
        return self

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        return self.outcome


def install(monkeypatch: pytest.MonkeyPatch, outcome: Deferred[IListeningPort]) -> None:
    plugins = [*getPlugins(IStreamServerEndpointStringParser), OddParser(outcome)]
    monkeypatch.setattr("twisted.internet.endpoints.getPlugins", lambda _: plugins)


def test_an_endpoint_that_takes_its_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, factory: Factory, certificate: ReloadingCertificate
) -> None:
    pending = Deferred[IListeningPort]()
    install(monkeypatch, pending)
    (line,) = faults_of(factory, certificate, "cloudsvc:odd:1")
    assert "does not bind at once" in line
    assert pending.called


def test_an_endpoint_that_fails_in_its_own_way_is_one_line(
    monkeypatch: pytest.MonkeyPatch, factory: Factory, certificate: ReloadingCertificate
) -> None:
    install(monkeypatch, fail(RuntimeError("out of pigeons")))
    assert faults_of(factory, certificate, "odd:1") == ("cannot listen on odd:1: out of pigeons",)


def test_prefix_works_around_an_endpoint_that_takes_its_time(
    monkeypatch: pytest.MonkeyPatch, factory: Factory, certificate: ReloadingCertificate
) -> None:
    pending = Deferred[IListeningPort]()
    install(monkeypatch, pending)
    with serving(certificate):
        endpoint = parse(make_reactor(), "cloudsvc:odd:1")
    listening = endpoint.listen(factory)
    assert not listening.called
    [port] = listen(make_reactor(), ["tcp:1"], factory, certificate)
    pending.callback(port)
    assert listening.result is port


def test_what_was_bound_is_closed_when_another_cannot_be(
    factory: Factory, certificate: ReloadingCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    class Port:
        def getHost(self) -> IPv4Address:
            return IPv4Address("TCP", "127.0.0.1", 1)

        def stopListening(self) -> None:
            closed.append(self)

    monkeypatch.setattr(MemoryReactorClock, "listenTCP", lambda *_args, **_kwargs: Port())
    faults_of(factory, certificate, "cloudsvc:tcp:1", "tcp:2", "x:1")
    assert len(closed) == 2


def test_loading_the_plugin_loads_neither_a_reactor_nor_klein() -> None:
    script = """
import sys
from twisted.plugin import getPlugins
from twisted.internet.interfaces import IStreamServerEndpointStringParser
import twisted.plugins.cloudsvc_endpoint as plugin
assert plugin.parser.prefix == "cloudsvc"
import cloudsvc.listen.endpoints, cloudsvc.tls.standalone
assert "twisted.internet.reactor" not in sys.modules, "reactor"
assert "klein" not in sys.modules, "klein"
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=TIMEOUT, cwd="/")
