"""A PostgreSQL server for the benchmark, with one database, that flushes what it commits."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from bench.server import MeasurementError

_DEBIAN: Final = Path("/usr/lib/postgresql")
"""Where Debian has the programs of each version, which are not on the path."""

_USER: Final = "postgres"
"""Who runs it where the benchmark runs as root, whom it refuses."""

_PATIENCE: Final = 60.0


def find_program(name: str) -> str:
    """Where a program of the newest version is, or else its name."""
    found = [each for each in _DEBIAN.glob(f"*/bin/{name}") if each.parts[-3].isdecimal()]
    return str(max(found, key=lambda each: int(each.parts[-3]))) if found else name


@contextmanager
def run_postgresql(cores: Sequence[int]) -> Iterator[str]:
    """A server on ``cores``, gone at the end; the URL of its database, by a socket."""
    directory = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        if os.geteuid() == 0:
            os.chown(directory, pwd.getpwnam(_USER).pw_uid, -1)
        data = str(directory / "data")
        made = [find_program("initdb"), "--pgdata", data, "--username", _USER, "--auth=trust", "--encoding=UTF8"]
        subprocess.run(_as_user([*made, "--locale=C.UTF-8"]), check=True, capture_output=True, cwd=directory)  # noqa: S603  # as Debian has it
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={directory}"]
        command = _as_user([find_program("postgres"), "-D", data, *options])
        pinned = ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]
        with subprocess.Popen(  # noqa: S603  # as above
            pinned, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=directory
        ) as process:
            try:
                url = f"postgresql:///{_USER}?host={directory}&user={_USER}"
                _wait(url)
                yield url
            finally:
                process.send_signal(signal.SIGQUIT)
                process.wait(_PATIENCE)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _as_user(command: Sequence[str]) -> list[str]:
    if os.geteuid() != 0:
        return [*command]
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", *command]


def _wait(url: str) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError as problem:
            if time.monotonic() > end:
                raise MeasurementError(f"PostgreSQL does not start: {problem}") from None
            time.sleep(0.1)
        else:
            return
