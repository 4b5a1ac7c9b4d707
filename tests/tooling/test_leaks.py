"""Whatever a test leaves behind is found."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Factory

from tests.support import leaks

reactor: Any = _reactor


@contextmanager
def descriptor() -> Iterator[None]:
    ends = os.pipe()
    yield
    for end in ends:
        os.close(end)


@contextmanager
def open_socket() -> Iterator[None]:
    with socket.socket():
        yield


@contextmanager
def thread() -> Iterator[None]:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield
    end.set()
    thread.join()


@contextmanager
def process() -> Iterator[None]:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE):
        yield


@contextmanager
def timer() -> Iterator[None]:
    call = reactor.callLater(60, print)
    yield
    call.cancel()


@contextmanager
def listening_port() -> Iterator[None]:
    port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
    yield
    port.stopListening()


@pytest.mark.parametrize("leave", [descriptor, open_socket, thread, process, timer, listening_port])
def test_what_is_left_behind_is_found(leave: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "PATIENCE", 0.1)
    monkeypatch.setattr(leaks, "_spin", lambda _: None)  # this test is not in the greenlet of its fixtures
    watch = leaks.check_leaks()
    next(watch)
    with leave(), pytest.raises(AssertionError, match="left behind"):
        next(watch)


def test_nothing_is_found_where_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "_spin", lambda _: None)
    watch = leaks.check_leaks()
    next(watch)
    with open_socket(), thread(), process(), timer():
        pass
    assert list(watch) == []
