"""Endpoints on real sockets: binding at once, sockets in the file system, systemd, and outside our own server."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from twisted.internet.defer import maybeDeferred

from cloudsvc.core.errors import OperatorError
from cloudsvc.listen.sockets import take_over
from tests.support.external_servers import find_free_port
from tests.support.tls.certificates import leaf_of, make
from tests.support.tls.servers import TIMEOUT, Serving, ask, connect, in_reactor, outside, serve, trust

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    server = serve(make(tmp_path / "certs", time.time()))
    yield server
    server.close()


def connect_unix(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(TIMEOUT)
    client.connect(str(path))
    return client


async def ask_unix(server: Serving, path: Path) -> object:
    """Whatever is answered over TLS on the Unix socket ``path``."""
    context = trust(server.files.certificate)
    return (await outside(lambda: ask(connect_unix(path), context)))[0]


def fault_of(server: Serving, *descriptions: str) -> str:
    with pytest.raises(OperatorError) as caught:
        server.listen(*descriptions)
    (line,) = caught.value.lines
    return line


@in_reactor
async def test_port_in_use_is_told_and_nothing_else_stays_bound(server: Serving) -> None:
    taken = server.listen_tcp()
    free = find_free_port()
    line = fault_of(server, f"cloudsvc:tcp:{free}:interface=127.0.0.1", f"cloudsvc:tcp:{taken}:interface=127.0.0.1")
    assert line.endswith(f"another server listens on port {taken}: stop it, or choose another (set PORT)")
    await outside(time.sleep, 0.05)
    with socket.socket() as again:
        again.bind(("127.0.0.1", free))


@in_reactor
async def test_address_of_another_machine_is_told(server: Serving) -> None:
    assert "this host has no address 192.0.2.1" in fault_of(server, "cloudsvc:tcp:0:interface=192.0.2.1")


@in_reactor
async def test_tls_over_ipv6(server: Serving) -> None:
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    try:
        port = server.listen(r"cloudsvc:tcp:0:interface=\:\:1").getHost().port  # type: ignore[attr-defined]  # of TCP
    except OperatorError:
        pytest.skip("this host has no IPv6 loopback address")
    context = trust(server.files.certificate)
    answer, _ = await outside(lambda: ask(socket.create_connection(("::1", port), TIMEOUT), context, "::1"))
    assert answer == {"client": "::1"}


@in_reactor
async def test_tls_over_a_unix_socket_of_chosen_mode(server: Serving, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server.listen(f"cloudsvc:unix:{path}:mode=600")
    assert path.stat().st_mode & 0o777 == 0o600
    assert await ask_unix(server, path) == {"client": None}


@in_reactor
async def test_unix_socket_in_use_is_left_alone(server: Serving, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server.listen(f"cloudsvc:unix:{path}")
    assert f"another server listens on {path}" in fault_of(server, f"cloudsvc:unix:{path}")
    assert await ask_unix(server, path) == {"client": None}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@in_reactor
async def test_unix_socket_of_a_server_without_locks_is_left_alone(server: Serving, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server.listen(f"cloudsvc:unix:{path}:lockfile=0")
    assert f"another server listens on {path}" in fault_of(server, f"cloudsvc:unix:{path}")
    gc.collect()  # Twisted leaves a Unix socket that it could not bind to the collector, which complains: here.
    assert await ask_unix(server, path) == {"client": None}


def leave_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(path))


def leave_lock(path: Path) -> None:
    """As in a container: the number in the lock is that of a process that lives, and is another."""
    path.with_name("socket.lock").symlink_to(str(os.getpid()))


def leave_both(path: Path) -> None:
    leave_socket(path)
    leave_lock(path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("leave", [leave_socket, leave_lock, leave_both])
@in_reactor
async def test_what_a_killed_server_left_is_no_obstacle(
    server: Serving, tmp_path: Path, leave: Callable[[Path], None]
) -> None:
    path = tmp_path / "socket"
    leave(path)
    server.listen(f"cloudsvc:unix:{path}")
    gc.collect()  # As above.
    assert await ask_unix(server, path) == {"client": None}


@in_reactor
async def test_a_file_that_is_no_socket_is_never_removed(server: Serving, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    path.write_text("precious")
    leave_lock(path)
    fault_of(server, f"cloudsvc:unix:{path}")
    assert path.read_text() == "precious"


@in_reactor
async def test_a_missing_directory_is_told(server: Serving, tmp_path: Path) -> None:
    assert "No such file or directory" in fault_of(server, f"unix:{tmp_path}/missing/socket")


@in_reactor
async def test_whoever_goes_on_owns_the_lock(server: Serving, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    port = server.listen(f"unix:{path}")
    lock = tmp_path / "socket.lock"
    lock.unlink()
    lock.symlink_to("1")  # as if process 1 had bound it, and this one had come of it
    take_over([port, server.listen("tcp:0:interface=127.0.0.1")])
    assert lock.readlink() == Path(str(os.getpid()))
    await maybeDeferred(port.stopListening)
    assert not lock.is_symlink()


SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
from twisted.internet import reactor
from twisted.web.server import Site
from tests.support.tls.servers import Echo
from cloudsvc.listen.endpoints import listen
from cloudsvc.tls.standalone import serve_home
listen(reactor, ["cloudsvc:systemd:domain=INET:index=0"], Site(Echo()), serve_home(reactor))
reactor.run()
"""


@contextmanager
def started(*command: str | Path, home: Path, inherited: tuple[int, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, with ``home`` as its home and directory, ended at the latest by leaving."""
    process = subprocess.Popen(
        [str(word) for word in command],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CLOUDSVC_HOME": str(home)},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=inherited,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def connect_soon(process: subprocess.Popen[str], port: int) -> socket.socket:
    """Connect to a process that may still be starting."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return connect(port)
        except ConnectionRefusedError:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_socket_from_systemd_is_served_even_when_it_blocks(tmp_path: Path) -> None:
    files = make(tmp_path / "certs", time.time())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert listening.getblocking()
        descriptor, port = listening.fileno(), int(listening.getsockname()[1])
        with started(sys.executable, "-c", SYSTEMD, str(descriptor), home=tmp_path, inherited=(descriptor,)):
            context = trust(files.certificate)
            # The second would wait for ever, had accepting the first blocked.
            assert [ask(connect(port), context)[0] for _ in range(2)] == [{"client": "127.0.0.1"}] * 2


def test_prefix_serves_the_home_in_any_other_twisted_server(tmp_path: Path) -> None:
    files = make(tmp_path / "certs", time.time())
    (tmp_path / "index.html").write_text("[]")
    port = find_free_port()
    command = (sys.executable, "-m", "twisted", "web", "--path", tmp_path)
    with started(*command, "--listen", f"cloudsvc:tcp:{port}:interface=127.0.0.1", home=tmp_path) as process:
        answer, serial = ask(connect_soon(process, port), trust(files.certificate))
        assert answer == []
        assert serial == leaf_of(files).serial_number


def test_outside_a_server_a_missing_certificate_is_told(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "twisted", "web", "--listen", "cloudsvc:tcp:0", "--path", tmp_path)
    with started(*command, home=tmp_path) as process:
        assert "certs/key.pem is missing: make it with" in process.communicate(timeout=TIMEOUT)[0]
