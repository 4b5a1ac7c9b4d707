"""The machine's clock is set while the server runs, whose timers go on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.hostile_clients import ROOT, receive_all
from tests.support.server import Server, make_home, running

DAY = 86_400

CLOCK = """
import os
import time

def read(now=time.time, file=os.environ["OFFSET"]):
    with open(file) as offset:
        return now() + float(offset.read())

time.time = read
"""
"""What time it is, as Python asks the system, and as much more as a file says."""


class Clock:
    """Of one server; set by whoever likes."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(CLOCK)
        self._file = directory / "offset"
        self.set(0)
        self.environ = {"PYTHONPATH": f"{directory}{os.pathsep}{ROOT}", "OFFSET": str(self._file)}

    def set(self, seconds: int) -> None:
        """So many seconds ahead."""
        beside = self._file.with_suffix(".new")
        beside.write_text(str(seconds))
        beside.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


@pytest.fixture
def server(tmp_path: Path, clock: Clock) -> Iterator[Server]:
    home, token = make_home(tmp_path / "home", connections={"header_seconds": 1})
    with running(home, token, environ=clock.environ) as server:
        yield server


def test_deadlines_hold(server: Server, clock: Clock) -> None:
    clock.set(-DAY)
    with closing(server.connect()) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        assert receive_all(connection).startswith(b"HTTP/1.1 408 ")
