"""Several workers: they share the work, are replaced when they die or are told to, and end with their supervisor."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from math import inf
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.halting import halt
from tests.support.leading_application import LEADING
from tests.support.lifecycle_applications import FIRST
from tests.support.server import (
    PATIENCE,
    TWISTD,
    Reply,
    Server,
    command,
    daemonised,
    environment,
    running,
    wait_until,
)
from tests.support.workers import (
    configure,
    count_listening,
    crowding,
    find_number,
    is_there,
    list_workers,
    make_workers_home,
    wait_for_workers,
    wait_until_gone,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_workers_home(tmp_path / "home")[0]


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    with running(home, "") as server:
        wait_for_workers(server)
        yield server


def test_both_workers_answer_and_say_which_they_are(server: Server) -> None:
    numbers: set[int] = set()

    def found_both() -> bool:
        numbers.add(find_number(server, server.ask("GET", "/api/health/live")))
        return numbers == {1, 2}

    wait_until(found_both, lambda: f"only {numbers} answer")
    workers = list_workers(server.process.pid)
    assert len(workers) == 2
    assert server.stop() == 0
    assert not any(map(is_there, workers))
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("host", [("twist",)], ids=["twist"])
def test_another_host_program_has_workers_too(home: Path, host: tuple[str, ...]) -> None:
    with running(home, "", host=host) as server:
        workers = wait_for_workers(server)
        assert server.ask("GET", "/api/health/live").status == 200
        assert server.stop() == 0
        assert not any(map(is_there, workers))


def test_a_daemon_has_workers_too(home: Path, tmp_path: Path) -> None:
    with daemonised(home, "", rundir=tmp_path) as server:
        workers = wait_for_workers(server)
        assert server.ask("GET", "/api/health/live").status == 200
        assert server.stop() == 0
        assert not any(map(is_there, workers))
    assert not (tmp_path / "server.pid").exists()


def test_one_worker_is_the_server_itself(home: Path) -> None:
    configure(home, 1)
    with running(home, "") as server:
        assert server.ask("GET", "/api/health/live").status == 200
        assert list_workers(server.process.pid) == []
        assert " worker=" not in server.log()


def test_a_request_that_runs_is_finished_when_all_stop(home: Path) -> None:
    configure(home, applications=[FIRST])
    with running(home, "") as server:
        wait_for_workers(server)
        with closing(server.connect()) as slow:
            slow.sendall(b"GET /api/slow/request HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_until(lambda: "slow" in server.log() or _has_begun(server), server.log)
            server.process.send_signal(signal.SIGTERM)
            with slow.makefile("rb") as answer:
                assert b"at last" in answer.read()
        assert server.process.wait(PATIENCE) == 0


def _has_begun(server: Server) -> bool:
    """Whether a worker has a request in progress, beside the one that asks."""
    answers = (server.ask("GET", "/api/metrics").body.decode() for _ in range(8))
    return any("http_requests_in_progress 2.0" in answer for answer in answers)


def test_a_worker_that_is_killed_is_replaced_while_others_answer(server: Server) -> None:
    first, second = list_workers(server.process.pid)
    with crowding(server, clients=4, reuse=20) as crowd:
        crowd.wait_for(100)
        os.kill(second, signal.SIGKILL)
        wait_until(lambda: count_listening(server) == 3, server.log)
        crowd.wait_for(200)
    # Each client had one connection at that moment, and lost one request at most.
    assert len(crowd.failures) <= 4, crowd.failures
    assert is_there(first)
    assert not is_there(second)
    assert "worker 2 has ended with SIGKILL" in server.log()
    assert server.stop() == 0


def test_no_request_fails_while_all_workers_are_replaced(server: Server) -> None:
    """Neither of those who keep their connection, nor of those who open one for each request."""
    former = list_workers(server.process.pid)
    with crowding(server, clients=3) as staying, crowding(server, clients=3, reuse=1) as coming:
        staying.wait_for(50)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: count_listening(server) == 4, server.log)
        wait_until_gone(former, server.log)
        staying.wait_for(50)
        coming.wait_for(50)
    assert (staying.failures, coming.failures) == ([], [])
    assert len(list_workers(server.process.pid)) == 2
    assert not {*former} & {*list_workers(server.process.pid)}
    assert server.stop() == 0


def test_workers_are_replaced_with_the_configuration_as_it_is_now(server: Server, home: Path) -> None:
    former = list_workers(server.process.pid)
    configure(home, cors={"enabled": True, "allow_origins": ["https://app.example.org"]})
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: count_listening(server) == 4, server.log)
    wait_until_gone(former, server.log)
    for _ in range(4):
        answer = server.ask("GET", "/api/health/live", headers={"Origin": "https://app.example.org"})
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.org"


def test_workers_stay_when_the_configuration_is_wrong_now(server: Server, home: Path) -> None:
    former = list_workers(server.process.pid)
    (home / "config" / "config.json").write_text('{"server": {"wrokers": 2}}')
    server.process.send_signal(signal.SIGHUP)
    assert "config.server.wrokers" in server.wait_for_log("the workers are not replaced")
    assert list_workers(server.process.pid) == former
    assert server.ask("GET", "/api/health/live").status == 200


def test_a_new_certificate_and_token_are_taken_up_at_once_by_all(server: Server, home: Path) -> None:
    """Before any worker has been replaced, which the wrong configuration here keeps them from."""
    configuration = home / "config" / "config.json"
    assert run("generate-certificate", CLOUDSVC_HOME=str(home)).exit_code == 0
    made = run("generate-new-token", CLOUDSVC_HOME=str(home))
    token = re.findall(r"[A-Za-z0-9_-]{43}", made.stdout)[-1]
    configuration.write_text("no configuration")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.log().count("uses the new token of") == 2, server.log)
    for _ in range(6):
        assert server.ask("GET", "/api/login", headers={"X-API-Key": token}, key=False).status == 200


def test_nothing_is_left_when_the_supervisor_is_killed(server: Server) -> None:
    workers = list_workers(server.process.pid)
    with closing(server.open()) as idle:
        idle.request("GET", "/api/health/live")
        assert Reply.read(idle.getresponse()).status == 200
        server.process.kill()
        wait_until_gone(workers, lambda: f"of {workers} some are left")
        assert server.process.wait(PATIENCE) == -signal.SIGKILL
        with pytest.raises(ConnectionRefusedError):
            server.connect()


def test_what_dies_again_and_again_ends_the_server_when_nobody_answers(home: Path) -> None:
    """Each is killed as soon as it answers; with the pauses between, that takes some seconds."""
    with running(home, "") as server:
        # If the first one were killed before the supervisor has heard that it is ready, it would be no use to go on.
        wait_for_workers(server)
        killed: set[int] = set()

        def kill_all() -> bool:
            for worker in list_workers(server.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                killed.add(worker)
            return server.process.poll() is not None

        wait_until(kill_all, server.log)
        assert server.process.wait(PATIENCE) == 1
        assert re.search(
            r"cloudsvc: worker \d has died 5 times right after its start; the log says more", server.console
        )
        assert not any(map(is_there, killed))


def test_asked_twice_to_stop_it_does_not_wait(home: Path) -> None:
    configure(home, server={"drain_seconds": 3600}, applications=[FIRST])
    with running(home, "") as server:
        workers = wait_for_workers(server)
        with closing(server.connect()) as slow:
            slow.sendall(b"GET /api/slow/forever HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_until(lambda: _has_begun(server), server.log)
            server.process.send_signal(signal.SIGINT)
            server.wait_for_log("stopping 2 workers")
            wait_until(lambda: sum(map(is_there, workers)) == 1, server.log)
            assert server.stop(signal.SIGINT) == 0
        assert not any(map(is_there, workers))


def test_all_workers_go_on_answering_until_load_balancers_have_noticed(home: Path) -> None:
    configure(home, server={"unready_seconds": 3600})
    with running(home, "") as server:
        workers = wait_for_workers(server)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.log().count("not ready any more: stopping in ") == 2, server.log)
        assert [server.ask("GET", "/api/health/ready").status for _ in range(8)] == [503] * 8
        assert server.ask("GET", "/api/health/live").status == 200
        assert server.stop() == 0
        assert not any(map(is_there, workers))


def test_systemd_is_told_by_the_supervisor_alone(home: Path, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "40000000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(PATIENCE)

        def next_state() -> bytes:
            while (state := systemd.recv(4096)) == b"WATCHDOG=1":
                pass
            return state

        with running(home, "", environ=environ) as server:
            assert next_state() == b"READY=1"
            wait_for_workers(server)
            server.process.send_signal(signal.SIGHUP)
            assert next_state().startswith(b"RELOADING=1")
            assert next_state() == b"READY=1"
            # By then all have been replaced; their last lines are on their way to the log.
            assert len(list_workers(server.process.pid)) >= 2
            wait_until(lambda: count_listening(server) == 4, server.log)
            server.process.send_signal(signal.SIGTERM)
            assert next_state() == b"STOPPING=1"
            assert server.process.wait(PATIENCE) == 0


AS_SYSTEMD_DOES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_a_socket_of_systemd_is_shared_and_stays_when_workers_are_replaced(home: Path) -> None:
    launcher = (sys.executable, "-c", AS_SYSTEMD_DOES)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        descriptor = listening.fileno()
        with running(
            home,
            "",
            "--endpoint",
            "cloudsvc:systemd:domain=INET:index=0",
            launcher=(*launcher, str(descriptor)),
            pass_fds=(descriptor,),
        ) as server:
            former = wait_for_workers(server)
            assert server.ask("GET", "/api/health/live").status == 200
            with crowding(server, clients=2, reuse=10) as crowd:
                crowd.wait_for(20)
                server.process.send_signal(signal.SIGHUP)
                wait_until(lambda: count_listening(server) == 4, server.log)
                wait_until_gone(former, server.log)
                crowd.wait_for(20)
            assert crowd.failures == []
            assert server.stop() == 0


def test_logs_that_are_moved_away_begin_anew(server: Server, home: Path) -> None:
    moved = (home / "logs/server.log").rename(home / "logs/moved")
    former = list_workers(server.process.pid)
    server.process.send_signal(signal.SIGHUP)
    log = home / "logs/server.log"
    wait_until(lambda: log.exists() and log.read_text().count("] listening on ") == 2, moved.read_text)
    wait_until_gone(former, server.log)
    numbers = {find_number(server, server.ask("GET", "/api/health/live")) for _ in range(12)}
    assert numbers <= {1, 2}


def test_connections_that_wait_for_a_worker_are_taken_by_the_others(server: Server) -> None:
    """One is stopped, so that what the system gives it waits; then it is killed, and nobody has waited in vain."""
    _, second = list_workers(server.process.pid)
    halt(second)
    waiting = [socket.create_connection(("127.0.0.1", server.port), PATIENCE) for _ in range(32)]
    os.kill(second, signal.SIGKILL)
    context = server.tls()
    for raw in waiting:
        with context.wrap_socket(raw, server_hostname="localhost") as connection:
            connection.sendall(b"GET /api/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_whoever_leads_has_a_successor(home: Path) -> None:
    with running(home, "") as server:
        workers = wait_for_workers(server)
        leader = home / "data/drive/leader"

        def find_leader() -> int | None:
            inode = leader.stat().st_ino
            for line in Path("/proc/locks").read_text().splitlines():
                # Whoever waits for a lock, anywhere on this machine, has a line that begins in another way.
                if (fields := line.split())[1] == "FLOCK" and int(fields[5].rpartition(":")[2]) == inode:
                    return int(fields[4])
            return None

        wait_until(lambda: find_leader() in workers, server.log)
        first = find_leader()
        assert first is not None
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: find_leader() not in {None, first}, server.log)
        assert server.stop() == 0


def test_an_application_knows_whether_its_process_leads(home: Path) -> None:
    configure(home, applications=["drive", LEADING])
    with running(home, "") as server:
        wait_for_workers(server)
        found: dict[int, bool] = {}

        def has_asked_both() -> bool:
            answer = server.ask("GET", "/api/leading")
            found[find_number(server, answer)] = answer.json["leads"]
            return len(found) == 2

        wait_until(has_asked_both, server.log)
        assert sorted(found.values()) == [False, True]


def read_count(server: Server) -> float:
    """How many requests to one route the metrics tell of."""
    found = re.search(
        rb'^http_requests_total\{handler="/api/health/live",method="GET",status="200"\} (\S+)$',
        server.ask("GET", "/api/metrics").body,
        re.MULTILINE,
    )
    return float(found[1]) if found else 0.0


def read_value(server: Server, name: str) -> float:
    found = re.search(rb"^" + name.encode() + rb" (\S+)$", server.ask("GET", "/api/metrics").body, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_whichever_worker_is_asked_the_metrics_are_those_of_all(server: Server) -> None:
    for _ in range(20):
        server.ask("GET", "/api/health/live")
    # Of a worker that has not answered in time, what it has said before counts.
    counts: list[float] = []

    def count_right() -> bool:
        counts[:] = [read_count(server) for _ in range(6)]
        return counts == [20.0] * 6

    wait_until(count_right, lambda: f"{counts}")
    assert read_value(server, "workers_configured") == 2
    wait_until(lambda: read_value(server, "workers_ready") == 2, server.log)
    assert read_value(server, "drive_leads") == 1
    with closing(server.open()), closing(server.open()), closing(server.open()):
        wait_until(lambda: read_value(server, "http_connections_open") == 4, server.log)


def test_no_count_goes_backwards_when_workers_are_replaced_or_killed(server: Server) -> None:
    counts = [0.0]

    def look() -> float:
        counts.append(read_count(server))
        return counts[-1]

    with crowding(server, clients=2, reuse=50) as crowd:
        crowd.wait_for(50)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: bool(look()) and count_listening(server) == 4, server.log)
        # Whom it has asked for this, the supervisor knows to be ready; of another it would say that it did not start.
        look()
        os.kill(list_workers(server.process.pid)[-1], signal.SIGKILL)
        wait_until(lambda: bool(look()) and count_listening(server) == 5, server.log)
        crowd.wait_for(50)
        look()
    assert counts == sorted(counts)
    assert read_value(server, "worker_deaths_total") == 1


def test_what_workers_had_counted_that_were_replaced_is_not_lost(server: Server) -> None:
    former = list_workers(server.process.pid)
    for _ in range(30):
        server.ask("GET", "/api/health/live")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: count_listening(server) == 4, server.log)
    wait_until_gone(former, server.log)
    assert read_count(server) == 30


def test_a_worker_that_hangs_is_told_of_and_replaced(home: Path, tmp_path: Path) -> None:
    """And it holds nobody up: neither the metrics, nor those whom the system gives to it."""
    # A worker that starts has to have said something by then.
    environ = {"WATCHDOG_USEC": "30000000"}
    with running(home, "", environ=environ) as server:
        first, second = wait_for_workers(server)
        count = read_count(server)
        halt(second)
        # The first is asked by name: a new connection may be given to the one that hangs.
        server.wait_for_log("worker 2 does not answer any more: it is killed")
        wait_until(lambda: count_listening(server) == 3, server.log)
        wait_until_gone([second], server.log)
        assert is_there(first)
        assert read_count(server) >= count
        wait_until(lambda: server.ask("GET", "/api/health").json["status"] == "healthy", server.log)


def test_health_tells_of_a_worker_that_is_missing(tmp_path: Path) -> None:
    home, token = make_workers_home(tmp_path / "home")
    with running(home, token) as server:
        _, second = wait_for_workers(server)
        wait_until(lambda: server.ask("GET", "/api/health").json["status"] == "healthy", server.log)
        (home / "config" / "config.json").rename(home / "config" / "aside")
        (home / "config" / "config.json").mkdir()
        os.kill(second, signal.SIGKILL)
        missing = {"status": "degraded", "message": "1 of 2 workers answer requests"}
        wait_until(lambda: server.ask("GET", "/api/health/checks").json["checks"]["workers"] == missing, server.log)
        wait_until(lambda: server.ask("GET", "/api/health").json["status"] == "degraded", server.log)
        assert server.ask("GET", "/api/health/ready").status == 200
        (home / "config" / "config.json").rmdir()
        (home / "config" / "aside").rename(home / "config" / "config.json")
        wait_until(lambda: server.ask("GET", "/api/health").json["status"] == "healthy", server.log)


def is_refused(server: Server) -> bool:
    """Whether a connection is closed at once, on which nothing is said."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as raw:
            return raw.recv(1) == b""
    except ConnectionResetError:
        return True


def open_idle(server: Server, stack: ExitStack, count: int) -> None:
    """So many connections that have had an answer and wait."""
    for _ in range(count):
        connection = server.open()
        stack.callback(connection.close)
        connection.request("GET", "/api/health/live")
        assert Reply.read(connection.getresponse()).status == 200


def test_what_a_client_may_have_open_it_has_over_all_workers(tmp_path: Path) -> None:
    """And what a worker had open that is killed counts no more."""
    home, token = make_workers_home(tmp_path / "home", connections={"per_client": 6, "header_seconds": 3600})
    with running(home, token) as server, ExitStack() as stack:
        workers = wait_for_workers(server)
        open_idle(server, stack, 6)
        assert all(is_refused(server) for _ in range(12))
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: count_listening(server) == 4, server.log)
        open_idle(server, stack, 6)
        assert is_refused(server)


def test_what_may_be_open_in_all_is_open_over_all_workers(tmp_path: Path) -> None:
    home, token = make_workers_home(tmp_path / "home", connections={"total": 6, "header_seconds": 3600})
    with running(home, token) as server, ExitStack() as stack:
        wait_for_workers(server)
        open_idle(server, stack, 6)
        for _ in range(12):
            with suppress(ConnectionResetError):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))

        def count_open() -> float:
            # Who asks is one of them, and may be refused by a worker that has none to give up.
            with suppress(OSError):
                return read_value(server, "http_connections_open")
            return inf

        wait_until(lambda: count_open() <= 6, server.log)
        wait_until(lambda: read_refused(server) >= 1, server.log)


def read_refused(server: Server) -> float:
    with suppress(OSError):
        return read_value(server, r'http_connections_refused_total\{reason="total"\}')
    return 0.0


def test_a_limit_holds_over_all_workers(tmp_path: Path) -> None:
    home, token = make_workers_home(tmp_path / "home", rate_limit={"rate_limit": "10/hour", "failure_limit": "5/hour"})
    with running(home, token) as server:
        wait_for_workers(server)
        statuses = [server.ask("GET", "/api/login").status for _ in range(30)]
        assert statuses == [200] * 10 + [429] * 20


def test_wrong_keys_are_limited_over_all_workers(tmp_path: Path) -> None:
    home, token = make_workers_home(tmp_path / "home", rate_limit={"rate_limit": "900/hour", "failure_limit": "6/hour"})
    with running(home, token) as server:
        wait_for_workers(server)
        for number in range(6):
            wrong = {"X-API-Key": f"wrong {number}"}
            assert server.ask("GET", "/api/login", headers=wrong, key=False).status == 401
        for number in range(12):
            wrong = {"X-API-Key": f"wrong again {number}"}
            assert server.ask("GET", "/api/login", headers=wrong, key=False).status == 429
            assert server.ask("GET", "/api/login").status == 429, "the right key tells a guesser nothing, at any worker"


def test_what_several_workers_cannot_count_is_one_line(home: Path) -> None:
    configure(home, rate_limit={"strategy": "moving-window"})
    failed = subprocess.run(
        command(home), cwd=home, env=environment(), capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert failed.returncode == 1
    [line] = failed.stderr.splitlines()
    assert line.startswith("cloudsvc: config.rate_limit.strategy: several workers cannot count a moving window")


def test_a_port_that_is_taken_is_one_line(home: Path, server: Server) -> None:
    """Though its sockets could be shared, as those of one server's workers are."""
    configure(home, server={"port": server.port})
    failed = subprocess.run(
        command(home), cwd=home, env=environment(), capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert failed.returncode == 1
    [line] = failed.stderr.splitlines()
    assert line.endswith(f"another server listens on port {server.port}: stop it, or choose another (set PORT)")


@pytest.mark.parametrize("host", [TWISTD, ("twist",)], ids=["twistd", "twist"])
def test_what_keeps_workers_from_starting_is_said_as_by_one(home: Path, host: tuple[str, ...]) -> None:
    configure(home, applications=[FIRST], first={"start": "fault"})
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
    assert done.stderr.splitlines() == [
        "cloudsvc: first lacks something: get it",
        "cloudsvc: and something else: get that too",
    ]


def test_a_unix_socket_is_shared_and_removed_at_the_end(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with running(home, "", "--endpoint", f"unix:{path}:mode=600") as server:
        workers = wait_for_workers(server)
        for number in workers:
            assert path.stat().st_mode & 0o777 == 0o600, number
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(str(path))
                client.sendall(b"GET /api/health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        os.kill(workers[1], signal.SIGTERM)
        wait_until(lambda: count_listening(server) == 3, server.log)
        assert path.is_socket(), "a worker that ends leaves it to the others"
        assert server.stop() == 0
    assert not path.exists()
