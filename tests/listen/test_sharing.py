"""Sockets that one process binds and others accept from: which they are, who accepts, and what goes on without whom."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol

from cloudsvc.core.errors import OperatorError
from cloudsvc.listen.inheriting import InheritedPort, inherit
from cloudsvc.listen.sharing import SharedAddress, close_all, listen_for
from tests.support.reactors import in_reactor
from tests.support.tls.servers import outside

reactor: Any = _reactor
LOOPBACK = "interface=127.0.0.1"


class Teller(Protocol):
    """Says who has accepted, and closes."""

    def connectionMade(self) -> None:
        self.transport.write(self.factory.name)  # type: ignore[union-attr]  # it is connected, and made by Named
        self.transport.loseConnection()  # type: ignore[union-attr]  # as above


class Named(Factory):
    """Makes a :class:`Teller`."""

    protocol = Teller

    def __init__(self, name: bytes) -> None:
        self.name = name


def join(descriptions: list[str], bound: list[SharedAddress], place: int) -> list[InheritedPort]:
    """Ports of the process at ``place``, which has got descriptors of its own."""
    sockets = [[os.dup(each) for each in address.sockets] for address in bound]
    return inherit(reactor, descriptions, Named(b"%d" % place), None, sockets=sockets, place=place)


def ask(port: int, times: int) -> list[bytes]:
    """Who has accepted so many connections."""
    answers = []
    for _ in range(times):
        with socket.create_connection(("127.0.0.1", port), 20) as client:
            answers.append(client.recv(16))
    return answers


@contextmanager
def bound(*descriptions: str, processes: int = 2) -> Iterator[list[SharedAddress]]:
    addresses = listen_for(reactor, descriptions, processes)
    yield addresses


async def close(addresses: list[SharedAddress], *ports: InheritedPort) -> None:
    await gatherResults([*(port.stopListening() for port in ports), *close_all(addresses)])


@in_reactor
async def test_each_process_accepts_from_its_own_socket() -> None:
    descriptions = [f"tcp:0:{LOOPBACK}", f"haproxy:tcp:0:{LOOPBACK}"]
    with bound(*descriptions) as addresses:
        assert [len(address.sockets) for address in addresses] == [2, 2]
        ports = [join(descriptions, addresses, place) for place in (0, 1)]
        number = addresses[0].port.getHost().port
        assert [each[0].getHost() for each in ports] == [addresses[0].port.getHost()] * 2
        for port in (each[0] for each in ports):
            port.startReading()
        assert {*await outside(ask, number, 64)} == {b"0", b"1"}
        await close(addresses, *ports[0], *ports[1])
        with pytest.raises(ConnectionRefusedError):
            await outside(ask, number, 1)


@in_reactor
async def test_who_waits_for_a_process_that_has_gone_is_taken_by_whoever_covers_it() -> None:
    description = [f"tcp:0:{LOOPBACK}"]
    with bound(*description) as addresses:
        [first], [second] = (join(description, addresses, place) for place in (0, 1))
        number = addresses[0].port.getHost().port
        first.startReading()
        waiting = [socket.create_connection(("127.0.0.1", number), 20) for _ in range(32)]
        await second.stopListening()
        first.cover({1})
        for client in waiting:
            with closing(client):
                assert await outside(client.recv, 16) == b"0"
        [third] = join(description, addresses, 1)
        third.startReading()
        first.cover(())
        assert {*await outside(ask, number, 64)} == {b"0", b"1"}
        await close(addresses, first, third)


@in_reactor
async def test_nobody_covers_who_does_not_accept() -> None:
    description = [f"tcp:0:{LOOPBACK}"]
    with bound(*description) as addresses:
        [port] = join(description, addresses, 0)
        port.cover({1})
        number = addresses[0].port.getHost().port
        with closing(socket.create_connection(("127.0.0.1", number), 0.3)) as client, pytest.raises(TimeoutError):
            await outside(client.recv, 16)
        await close(addresses, port)


@in_reactor
async def test_a_unix_socket_is_one_for_all_and_keeps_its_name_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    description = [f"unix:{path}:mode=600"]
    with bound(*description) as addresses:
        [first], [second] = (join(description, addresses, place) for place in (0, 1))
        await first.stopListening()
        second.startReading()
        assert path.stat().st_mode & 0o777 == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(path))
            assert await outside(client.recv, 16) == b"1"
        await close(addresses, second)
    assert not path.exists()


@in_reactor
async def test_two_servers_cannot_share_an_address() -> None:
    with bound(f"tcp:0:{LOOPBACK}") as addresses:
        number = addresses[0].port.getHost().port
        with pytest.raises(OperatorError, match=f"another server listens on port {number}"):
            listen_for(reactor, [f"tcp:{number}:{LOOPBACK}"], 2)
        await close(addresses)
    again = listen_for(reactor, [f"tcp:{number}:{LOOPBACK}"], 2)
    await close(again)


@in_reactor
async def test_where_one_description_fails_nothing_stays_bound(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with pytest.raises(OperatorError) as caught:
        listen_for(reactor, [f"unix:{path}", "tcp:0:interface=192.0.2.1", r"tcp:0:interface=2001\:db8\:\:1"], 2)
    assert len(caught.value.lines) == 2
    assert all("this host has no address" in line for line in caught.value.lines)
    passed: Deferred[None] = Deferred()
    reactor.callLater(0, passed.callback, None)
    await passed
    assert not path.exists()


@in_reactor
async def test_what_was_not_bound_cannot_be_inherited() -> None:
    with pytest.raises(OperatorError, match="nothing was bound for it; restart the server"):
        inherit(reactor, [f"tcp:0:{LOOPBACK}"], Named(b""), None, sockets=[], place=0)


@in_reactor
async def test_two_processes_take_about_as_many() -> None:
    """Of 400 connections each gets 200 more or less; fewer than 120 come once in 10 to the power of 15."""
    description = [f"tcp:0:{LOOPBACK}"]
    with bound(*description) as addresses:
        ports = [join(description, addresses, place)[0] for place in (0, 1)]
        for port in ports:
            port.startReading()
        answers = await outside(ask, addresses[0].port.getHost().port, 400)
        assert min(answers.count(b"0"), answers.count(b"1")) > 120
        await close(addresses, *ports)
