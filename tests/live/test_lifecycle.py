"""Starting and stopping in good order: what was accepted is finished, and whoever runs the process is told."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.lifecycle_applications import FIRST, SECOND
from tests.support.server import (
    PATIENCE,
    TWISTD,
    Reply,
    Server,
    adopting,
    command,
    environment,
    make_home,
    running,
    wait_until,
    write_config,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home", applications=[FIRST])[0]


def send(server: Server, head: bytes) -> ssl.SSLSocket:
    """A connection on which so much of a request has arrived, or a whole one has begun."""
    connection = server.connect()
    connection.sendall(head)
    return connection


def request_line(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n".encode()


def read_answer(connection: ssl.SSLSocket) -> bytes:
    """Everything until the server closes."""
    with connection.makefile("rb") as answer:
        return answer.read()


def was_cut_off(connection: ssl.SSLSocket) -> bool:
    """Whether the connection ends without an answer."""
    try:
        return read_answer(connection) == b""
    except (ConnectionResetError, ssl.SSLEOFError):
        return True


def arrived(server: Server, count: int) -> bool:
    """Whether so many requests are in progress, that of the metrics included."""
    return f"http_requests_in_progress {count}.0" in server.ask("GET", "/api/metrics").body.decode()


def test_what_was_accepted_is_finished_and_nothing_else_begins(home: Path) -> None:
    with running(home, "") as server:
        with (
            closing(server.open()) as idle,
            send(server, request_line("/api/health/ready")) as late,
            send(server, request_line("/api/slow/request") + b"\r\n") as slow,
        ):
            idle.request("GET", "/api/health/ready")
            assert Reply.read(idle.getresponse()).status == 200
            wait_until(lambda: arrived(server, 2), server.log)
            server.process.send_signal(signal.SIGTERM)

            assert idle.sock.recv(1) == b""
            with pytest.raises(ConnectionRefusedError):
                server.connect()
            late.sendall(b"\r\n")
            answer = read_answer(late)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nConnection: close\r\n" in answer
            assert b"Server is not ready" in answer

            assert server.process.poll() is None
            answer = read_answer(slow)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"\r\nConnection: close\r\n" in answer
            assert b"at last" in answer
        assert server.process.wait(PATIENCE) == 0


def test_a_request_that_takes_too_long_is_cut_off_and_everybody_still_stops(home: Path) -> None:
    write_config(
        home,
        server={"drain_seconds": 0.3},
        applications=[FIRST, SECOND],
        first={"stop": "well"},
        second={"stop": "crash"},
    )
    with running(home, "") as server:
        with send(server, request_line("/api/slow/forever") + b"\r\n") as slow:
            wait_until(lambda: arrived(server, 2), server.log)
            assert server.stop() == 0
            assert was_cut_off(slow)
        log = server.log()
        happened = re.findall(r"(first|second) (has started|stops|did not stop cleanly)", log)
        assert [" ".join(each) for each in happened] == [
            "first has started",
            "second has started",
            "second stops",
            "second did not stop cleanly",
            "first stops",
        ]
        assert "spilt milk" in log
        assert " 499 client=" in log
        assert "] stopped\n" in log


def test_asked_twice_it_does_not_wait(home: Path) -> None:
    """As with Ctrl-C, and Ctrl-C again."""
    write_config(home, server={"drain_seconds": 3600}, applications=[FIRST])
    with running(home, "") as server, send(server, request_line("/api/slow/forever") + b"\r\n"):
        wait_until(lambda: arrived(server, 2), server.log)
        server.process.send_signal(signal.SIGINT)
        server.wait_for_log("stopping: ")
        assert server.process.poll() is None
        assert server.stop(signal.SIGINT) == 0
        assert "Traceback" not in server.log()


def test_it_goes_on_answering_until_load_balancers_have_noticed(home: Path) -> None:
    """Each client goes with its next answer; whoever asks twice waits for nobody."""
    write_config(home, server={"unready_seconds": 3600}, applications=[FIRST])
    with running(home, "") as server, closing(server.open()) as lasting:
        lasting.request("GET", "/api/health/ready")
        assert Reply.read(lasting.getresponse()).status == 200
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.ask("GET", "/api/health/ready").status == 503, server.log)
        lasting.request("GET", "/api/health/live")
        answer = Reply.read(lasting.getresponse())
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        assert server.ask("GET", "/api/health/live").status == 200
        assert "stopping: " not in server.log()
        assert server.stop() == 0
        assert "Traceback" not in server.log()


def test_it_stops_by_itself_after_it_was_not_ready_for_a_while(home: Path) -> None:
    write_config(home, server={"unready_seconds": 0.1}, applications=[FIRST])
    with running(home, "") as server:
        assert server.stop() == 0
        log = server.log()
    assert log.index("not ready any more: stopping in 0.1 s") < log.index("stopping: 0 connections are open")


@pytest.mark.parametrize("lost", ["socket", "socket.lock"])
def test_a_port_that_does_not_close_keeps_nothing_from_stopping(home: Path, tmp_path: Path, lost: str) -> None:
    with running(home, "", "--endpoint", f"unix:{tmp_path}/socket") as server:
        (tmp_path / lost).unlink()
        assert server.stop() == 0
        log = server.log()
    assert "did not stop cleanly" in log
    assert "first stops" in log
    assert "] stopped\n" in log


def test_what_never_stops_is_left_behind(home: Path) -> None:
    write_config(home, server={"drain_seconds": 0.1}, applications=[FIRST], first={"stop": "never"})
    with running(home, "") as server:
        assert server.stop() == 1
        assert "cloudsvc: something has not stopped for 10.1 seconds: it is left behind\n" in server.console


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """Where the server tells how far it is, as systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(address.replace("@", "\0"))
        channel.settimeout(PATIENCE)
        yield channel


def test_systemd_is_told_as_often_as_it_likes_that_all_is_well(home: Path, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
    with manager(address) as systemd, running(home, "", environ=environ) as server:
        while systemd.recv(4096) != b"READY=1":
            pass
        assert {systemd.recv(4096) for _ in range(5)} == {b"WATCHDOG=1"}
        assert server.stop() == 0


def served(server: Server) -> bytes:
    """The certificate that a new connection gets."""
    with server.connect() as connection:
        certificate = connection.getpeercert(binary_form=True)
    assert certificate
    return certificate


def test_a_reload_serves_the_new_certificate_and_begins_a_new_log(home: Path) -> None:
    """And tells systemd, here at an address in the abstract name space, which is no file."""
    address = f"@cloudsvc-test-{os.getpid()}"
    with manager(address) as systemd, running(home, "", environ={"NOTIFY_SOCKET": address}) as server:
        assert systemd.recv(4096) == b"READY=1"
        with closing(server.open()) as lasting:
            certificates = {served(server)}
            for number in range(5):
                assert run("generate-certificate", "--home", home).exit_code == 0
                (home / "logs/server.log").rename(home / f"logs/moved.{number}")
                server.process.send_signal(signal.SIGHUP)
                assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", systemd.recv(4096))
                # Whoever connects while it reloads is served too, with one certificate or the other.
                served(server)
                assert systemd.recv(4096) == b"READY=1"
                certificates.add(served(server))
                server.wait_for_log("serving ")
            assert len(certificates) == 6
            lasting.request("GET", "/api/health")
            assert lasting.getresponse().status == 200
        server.process.send_signal(signal.SIGTERM)
        assert systemd.recv(4096) == b"STOPPING=1"
        assert server.process.wait(PATIENCE) == 0


def test_a_certificate_that_cannot_be_served_does_not_replace_one_that_can(home: Path, tmp_path: Path) -> None:
    """As half a swap leaves it. The manager listens at a file this time, and is gone later, which harms nobody."""
    address = str(tmp_path / "notify")
    with manager(address) as systemd, running(home, "", environ={"NOTIFY_SOCKET": address}) as server:
        assert systemd.recv(4096) == b"READY=1"
        before = served(server)
        (home / "certs/key.pem").write_text("half a key")
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            context = ssl.create_default_context(cafile=str(home / "certs/ca.pem"))
            server.process.send_signal(signal.SIGHUP)
            assert systemd.recv(4096).startswith(b"RELOADING=1")
            assert systemd.recv(4096) == b"READY=1"
            with context.wrap_socket(raw, server_hostname="localhost") as connection:
                assert connection.getpeercert(binary_form=True) == before
        assert "the certificate on disk cannot be served, keeping the old" in server.wait_for_log("keeping the old")
        assert server.ask("GET", "/api/health").json["status"] == "degraded"
        systemd.close()
        assert server.stop() == 0
        assert "cannot notify systemd" in server.log()


def test_nothing_is_accepted_before_the_applications_have_started(home: Path, tmp_path: Path) -> None:
    """And nobody is told that it is ready, nor has it to be before it can stop."""
    write_config(home, applications=[FIRST], first={"start": "never"})
    log = home / "logs/server.log"
    environ = environment({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    with (
        manager(str(tmp_path / "notify")) as systemd,
        subprocess.Popen(command(home), cwd=home, env=environ, stdout=subprocess.DEVNULL) as process,
    ):
        try:
            wait_until(lambda: log.exists() and "starting up" in log.read_text(), lambda: "it does not start")
            found = re.search(r"starting on (\d+)", log.read_text())
            assert found
            context = ssl.create_default_context(cafile=str(home / "certs/cert.pem"))
            with (
                socket.create_connection(("127.0.0.1", int(found[1])), timeout=0.5) as raw,
                pytest.raises(TimeoutError),
                context.wrap_socket(raw, server_hostname="localhost"),
            ):
                raise AssertionError("it answered")
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                process.send_signal(number)
            assert process.wait(PATIENCE) == 0
            assert systemd.recv(4096) == b"STOPPING=1"
            assert not re.search("first has started|first stops|Traceback", log.read_text())
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("fault", ["second lacks something: get it", "and something else: get that too"]),
        ("crash", ["application second did not start: spilt milk; the log says more"]),
    ],
)
@pytest.mark.parametrize("host", [TWISTD, ("twist",)], ids=["twistd", "twist"])
def test_an_application_that_does_not_start_ends_the_server(
    home: Path, start: str, expected: list[str], host: tuple[str, ...]
) -> None:
    write_config(home, applications=[FIRST, SECOND], second={"start": start})
    done = subprocess.run(
        command(home, host=host),
        cwd=home,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"cloudsvc: {line}" for line in expected]
    log = (home / "logs/server.log").read_text()
    assert all(line in log for line in expected)
    assert ("Traceback" in log) is (start == "crash")
    assert "first stops" in log
    assert "second stops" not in log
    assert "listening on" not in log


def test_an_application_that_cannot_be_made_is_one_line(home: Path) -> None:
    write_config(home, applications=[FIRST, SECOND], second={"begin": "crash"})
    done = subprocess.run(
        command(home), cwd=home, env=environment(), capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("cloudsvc: application second cannot be made: RuntimeError: spilt milk (")


def test_a_daemon_whose_application_does_not_start_says_so_in_the_log(home: Path, tmp_path: Path) -> None:
    """Its launcher has returned by then."""
    write_config(home, applications=[FIRST], first={"start": "fault"})
    with adopting():
        host = ("twistd", f"--pidfile={tmp_path}/server.pid", f"--rundir={tmp_path}")
        subprocess.run(command(home, host=host), check=True, env=environment(), timeout=PATIENCE)
        statuses = sorted(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2))  # with the process between
    assert statuses == [0, 1]
    assert "first lacks something: get it" in (home / "logs/server.log").read_text()
    assert not (tmp_path / "server.pid").exists()
