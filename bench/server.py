"""Starting, asking, weighing and stopping one server."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import resource
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from attrs import field, frozen

from bench.certificate import write_certificate
from bench.peers.setup import ANSWER, HOST, Setup
from bench.processor_time import count_seconds, list_children

ROOT = Path(__file__).parent.parent
PATH = "/api/login"
KEY = "the key of every guarded server in a benchmark"
HEADERS = {"X-API-Key": KEY}
START_SECONDS = 200
STOP_SECONDS = 15


class MeasurementError(Exception):
    """A measurement that failed, and why."""


def _trust(setup: Setup) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=setup.certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


@frozen(kw_only=True)
class Server:
    """
    A started server.

    :ivar with_children: whether the processes that it has started count as well. None of them may end meanwhile.
    """

    pid: int
    setup: Setup
    trust: ssl.SSLContext = field(repr=False)
    with_children: bool = False

    def locate(self, path: str) -> str:
        """The URL of ``path``."""
        return f"https://{HOST}:{self.setup.port}{path}"

    def connect(self) -> http.client.HTTPSConnection:
        """A connection, opened by its first request: TLS 1.3, certificate verified."""
        return http.client.HTTPSConnection(HOST, self.setup.port, timeout=10, context=self.trust)

    def verify(self) -> None:
        """
        Ask once, on a connection of its own.

        :raises MeasurementError: when the answer has another status or body than it should.
        """
        with closing(self.connect()) as connection:
            ask(connection)

    def count_cpu_seconds(self) -> float:
        """The CPU time, user and system, that all threads of the process have used so far."""
        pids = [self.pid, *(list_children(self.pid) if self.with_children else [])]
        return sum(map(count_seconds, pids))

    def count_resident_bytes(self) -> int:
        """The memory of the process that is in RAM."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    def forget_peak(self) -> None:
        """Let :meth:`count_peak_bytes` begin anew (proc_pid_clear_refs(5))."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def count_peak_bytes(self) -> int:
        """The most memory of the process that was ever in RAM, or since :meth:`forget_peak`."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        [peak] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        return int(peak) * 1024


def ask(connection: http.client.HTTPSConnection) -> None:
    """
    Ask once and leave the connection open.

    :raises MeasurementError: when the answer has another status or body than it should, or closes the connection.
    """
    connection.request("GET", PATH, headers=HEADERS)
    response = connection.getresponse()
    body = response.read()
    try:
        answer = json.loads(body)
        answer["timestamp"] = ANSWER["timestamp"]
    except (ValueError, TypeError):
        answer = None
    if response.status != ANSWER["code"] or answer != ANSWER:
        raise MeasurementError(f"answered {response.status} {body[:200]!r}")
    if response.will_close:
        raise MeasurementError("did not keep the connection alive")


@contextmanager
def run_server(command: Sequence[str], *cores: int) -> Iterator[Server]:
    """
    Run ``command`` on these cores with a certificate and a directory of its own, from its first right answer on.

    :raises MeasurementError: when it does not answer rightly in time, or has stopped by itself.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        certificate, key = write_certificate(directory)
        own = directory / "own"
        own.mkdir()
        token_hash = hashlib.sha256(KEY.encode()).hexdigest()
        setup = Setup(_find_port(), certificate, key, own, token_hash)
        environment = os.environ | setup.to_environment() | {"PYTHONPATH": str(ROOT)}
        output = directory / "output"
        with output.open("wb") as stream:
            process = subprocess.Popen(command, cwd=own, env=environment, stdout=stream, stderr=stream)  # noqa: S603 - a peer
        try:
            os.sched_setaffinity(process.pid, cores)
            server = Server(pid=process.pid, setup=setup, trust=_trust(setup))
            _await_answer(server, lambda: process.poll() is None, output)
            yield server
            if process.poll() is not None:
                raise MeasurementError(f"stopped by itself: {_read_tail(output)}")
        finally:
            _stop(process)


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _await_answer(server: Server, is_running: Callable[[], bool], output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.verify()
        except OSError as error:
            if not is_running():
                raise MeasurementError(f"did not start: {_read_tail(output)}") from error
            if time.monotonic() > deadline:
                raise MeasurementError(f"no answer within {START_SECONDS} s ({error}): {_read_tail(output)}") from error
            time.sleep(0.05)
        else:
            return


def _read_tail(output: Path) -> str:
    return output.read_text(errors="replace")[-2000:].strip()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
