"""Lines that are cut and silenced do what faults of a network do, and leave nothing behind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.chaos.relays import Relay, run_exchange
from tests.support.external_servers import find_free_port

PATIENCE = 100.0


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A relay to a server that sends back what it gets, on each of its connections."""
    with socket.create_server(("127.0.0.1", 0)) as listening, run_exchange() as exchange:
        thread = threading.Thread(target=echo, args=(listening,))
        thread.start()
        yield exchange.lead_to(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)


def echo(listening: socket.socket) -> None:
    connections = []
    while True:
        try:
            connection = listening.accept()[0]
        except OSError:
            break
        answering = threading.Thread(target=answer, args=(connection,))
        answering.start()
        connections.append((connection, answering))
    for connection, answering in connections:
        with connection:
            connection.shutdown(socket.SHUT_RDWR)
            answering.join(PATIENCE)


def answer(connection: socket.socket) -> None:
    try:
        while data := connection.recv(65536):
            connection.sendall(data)
    except OSError:
        return


@contextmanager
def dial(relay: Relay) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", relay.port), PATIENCE) as connection:
        yield connection


def exchange_word(connection: socket.socket, word: bytes) -> bytes:
    connection.sendall(word)
    return connection.recv(100)


def receive_end(connection: socket.socket) -> bytes:
    try:
        return connection.recv(100)
    except ConnectionError:
        return b""


def test_bytes_pass_in_both_directions(relay: Relay) -> None:
    with dial(relay) as one, dial(relay) as other:
        assert exchange_word(one, b"one") == b"one"
        assert exchange_word(other, b"other") == b"other"


def test_connections_that_are_cut_end_and_new_ones_pass(relay: Relay) -> None:
    with dial(relay) as connection:
        assert exchange_word(connection, b"one") == b"one"
        relay.cut()
        assert receive_end(connection) == b""
    with dial(relay) as connection:
        assert exchange_word(connection, b"two") == b"two"


def test_what_is_silent_says_nothing_until_it_is_healed(relay: Relay) -> None:
    with dial(relay) as connection:
        assert exchange_word(connection, b"one") == b"one"
        relay.silence()
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            exchange_word(connection, b"two")
        with dial(relay) as other:
            other.settimeout(0.2)
            with pytest.raises(TimeoutError):
                exchange_word(other, b"three")
        relay.heal()
        connection.settimeout(PATIENCE)
        assert receive_end(connection) == b""
    with dial(relay) as connection:
        assert exchange_word(connection, b"four") == b"four"


def test_what_is_mute_hears_and_does_not_answer(relay: Relay) -> None:
    with dial(relay) as connection:
        assert exchange_word(connection, b"one") == b"one"
        relay.mute()
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            exchange_word(connection, b"two")
        connection.settimeout(PATIENCE)
        relay.heal()
        assert receive_end(connection) == b""


def test_what_has_waited_comes_late(relay: Relay) -> None:
    with dial(relay) as connection:
        assert exchange_word(connection, b"one") == b"one"
        relay.silence()
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            exchange_word(connection, b"two")
        connection.settimeout(PATIENCE)
        relay.release()
        assert connection.recv(100) == b"two"


def test_where_nobody_listens_connections_end() -> None:
    with run_exchange() as exchange, dial(exchange.lead_to(find_free_port())) as connection:
        assert receive_end(connection) == b""
