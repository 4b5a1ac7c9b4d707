"""A console that nobody reads: ``twistd -n cloudsvc | less``, and a supervisor that hangs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.server import TWIST, TWISTD, make_home, running


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """The ends of a pipe with no room left; who writes to it waits."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    yield reading, writing
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("host", [TWISTD, TWIST], ids=["twistd", "twist"])
def test_a_console_that_nobody_reads_holds_up_nothing(
    tmp_path: Path, full_pipe: tuple[int, int], host: tuple[str, ...]
) -> None:
    reading, writing = full_pipe
    launcher = ("sh", "-c", f'exec "$0" "$@" >/proc/self/fd/{writing}')
    with running(*make_home(tmp_path / "home"), host=host, launcher=launcher, pass_fds=[writing]) as server:
        assert server.ask("GET", "/api/login").status == 200
        server.wait_for_log("standard output takes no log lines")
        while os.read(reading, 4096) == bytes(4096):
            server.ask("GET", "/api/health")
        server.wait_for_log("standard output takes log lines again")
        assert server.stop() == 0
