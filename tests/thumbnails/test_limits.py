"""Limits of a program that decodes, whatever it has been made to run."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.thumbnails.decoder_processes import run_limited


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """One where everybody might write."""
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(0o711)
    return tmp_path


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        pytest.param("bytearray(2**30)", "MemoryError", id="memory"),
        pytest.param("os.fork()", "BlockingIOError", id="process"),
        pytest.param(
            "import _thread; _thread.start_new_thread(print, ())", "RuntimeError: can't start new thread", id="thread"
        ),
        pytest.param("os.execv('/bin/true', ['true'])", "BlockingIOError", id="program"),
        pytest.param("os.posix_spawn('/bin/true', ['true'], {})", "BlockingIOError", id="program of another process"),
        pytest.param("socket.socket()", "BlockingIOError", id="network"),
        pytest.param("os.kill(os.getppid(), 0)", "BlockingIOError", id="signal"),
        pytest.param("signal.pidfd_send_signal(0, 0)", "BlockingIOError", id="signal by descriptor"),
        pytest.param("resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))", "PermissionError", id="limits"),
        pytest.param("kept = [os.dup(0) for _ in range(32)]", "Too many open files", id="descriptors"),
        pytest.param("open('file', 'wb', buffering=0).write(b'x')", "File too large", id="file"),
        pytest.param(
            "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))",
            "not allowed to raise maximum limit",
            id="lifting a limit",
        ),
        pytest.param("os.nice(-1)", "PermissionError", id="priority"),
    ],
)
def test_it_fails(program: str, problem: str, directory: Path) -> None:
    done = run_limited(program, directory)
    assert done.returncode == 1
    assert problem in done.stderr
    assert not any(file.stat().st_size for file in directory.iterdir())


@pytest.mark.parametrize("call", ["os.fork()", "os.execv('/bin/true', ['true'])"])
def test_what_needs_threads_can_start_nothing_else(call: str, directory: Path) -> None:
    """The decoder of HEIF has a thread of its own. The system counts it as a process: no limit tells them apart."""
    program = f"thread = threading.Thread(target=print, args=['ran']); thread.start(); thread.join(); {call}"
    done = run_limited(program, directory, threads=True)
    assert (done.returncode, done.stdout) == (1, "ran\n")
    assert "BlockingIOError" in done.stderr


def test_without_the_limits_it_would_not_fail(directory: Path) -> None:
    """The control: within them, nothing is in the way of what a decoder does need."""
    done = run_limited("kept = bytearray(2**28), os.dup(0); print('made')", directory)
    assert (done.returncode, done.stdout, done.stderr) == (0, "made\n", "")


def test_one_that_calculates_without_end_is_killed(directory: Path) -> None:
    hurried = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass"
    assert run_limited(hurried, directory).returncode == -signal.SIGKILL
    done = run_limited("import resource; print(resource.getrlimit(resource.RLIMIT_CPU))", directory)
    assert done.stdout == "(10, 10)\n"


def test_it_runs_when_nobody_else_wants_to(directory: Path) -> None:
    done = run_limited("print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE)", directory)
    assert done.stdout == "19 True\n"


def test_root_becomes_nobody(directory: Path) -> None:
    done = run_limited("print(os.getresuid(), os.getresgid(), os.getgroups())", directory)
    me = f"{os.getresuid()} {os.getresgid()} {os.getgroups()}\n"
    assert done.stdout == (me if os.getuid() else "(65534, 65534, 65534) (65534, 65534, 65534) []\n")
