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
from attrs import frozen

from bench.server import MeasurementError

_DEBIAN: Final = Path("/usr/lib/postgresql")
"""Where Debian has the programs of each version, which are not on the path."""

_USER: Final = "postgres"
"""Who runs it where the benchmark runs as root, whom it refuses."""

_STANDBY: Final = "standby"

_PATIENCE: Final = 100.0


def find_program(name: str) -> str:
    """Where a program of the newest version is, or else its name."""
    found = [each for each in _DEBIAN.glob(f"*/bin/{name}") if each.parts[-3].isdecimal()]
    return str(max(found, key=lambda each: int(each.parts[-3]))) if found else name


@frozen(kw_only=True)
class PostgreSQL:
    """
    A started server.

    :ivar url: of its database, by a socket.
    """

    pid: int
    url: str


@contextmanager
def run_postgresql(cores: Sequence[int], *, standby: bool = False) -> Iterator[PostgreSQL]:
    """
    A server on ``cores``, gone at the end.

    :param standby: whether another one, on the same cores, has to flush each commit before it is acknowledged.
    """
    with _made_directory() as directory:
        _make_cluster(directory)
        with _run_cluster(directory, cores) as server:
            if not standby:
                yield server
                return
            with _made_directory() as copy:
                _copy_cluster(directory, copy)
                with _run_cluster(copy, cores):
                    _wait_for_standby(server)
                    yield server


@contextmanager
def _made_directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        if os.geteuid() == 0:
            os.chown(directory, pwd.getpwnam(_USER).pw_uid, -1)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _make_cluster(directory: Path) -> None:
    made = [find_program("initdb"), "--pgdata", str(directory / "data"), "--username", _USER, "--auth=trust"]
    _run(directory, [*made, "--encoding=UTF8", "--locale=C.UTF-8"])


def _copy_cluster(directory: Path, copy: Path) -> None:
    """Make a standby of the server in ``directory``, which it finds by its socket."""
    way = f"host={directory} user={_USER} application_name={_STANDBY}"
    made = [find_program("pg_basebackup"), "--pgdata", str(copy / "data"), "--dbname", way, "--checkpoint=fast"]
    _run(directory, [*made, "--write-recovery-conf"])


def _wait_for_standby(server: PostgreSQL) -> None:
    """From here on nothing is acknowledged before the standby has flushed it."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{_STANDBY}'")
        connection.execute("SELECT pg_reload_conf()")
        end = time.monotonic() + _PATIENCE
        while connection.execute("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone() != (
            1,
        ):
            if time.monotonic() > end:
                raise MeasurementError("the standby does not take part")
            time.sleep(0.1)


@contextmanager
def _run_cluster(directory: Path, cores: Sequence[int]) -> Iterator[PostgreSQL]:
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={directory}"]
    command = _as_user([find_program("postgres"), "-D", str(directory / "data"), *options])
    pinned = ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]
    with subprocess.Popen(  # noqa: S603  # as Debian has it
        pinned, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=directory
    ) as process:
        try:
            url = f"postgresql:///{_USER}?host={directory}&user={_USER}"
            _wait(url)
            yield PostgreSQL(pid=process.pid, url=url)
        finally:
            process.send_signal(signal.SIGQUIT)
            process.wait(_PATIENCE)


def _run(directory: Path, command: Sequence[str]) -> None:
    done = subprocess.run(  # noqa: S603  # as above
        _as_user(command), check=False, capture_output=True, text=True, cwd=directory
    )
    if done.returncode:
        raise MeasurementError(f"{Path(command[0]).name} failed: {done.stderr[-2000:]}")


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
