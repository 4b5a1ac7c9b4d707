"""Run commands in processes of their own, quickly."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from attrs import define, frozen

from tests.support.server import PATIENCE, environment, wait_until


@define
class Terminal:
    """What a command believes to be one."""

    name: str
    _descriptor: int
    shown: str = ""

    def read(self) -> str:
        """All that was shown so far."""
        while select.select([self._descriptor], [], [], 0)[0]:
            self.shown += os.read(self._descriptor, 65536).decode(errors="replace")
        return self.shown


@contextmanager
def open_terminal() -> Iterator[Terminal]:
    """A terminal, gone at the end."""
    ours, theirs = pty.openpty()
    try:
        yield Terminal(os.ttyname(theirs), ours)
    finally:
        os.close(ours)
        os.close(theirs)


@frozen
class Running:
    """A command that has been started."""

    pid: int
    _answers: IO[bytes]
    _outputs: tuple[Path, Path]

    def has_ended(self) -> bool:
        return bool(select.select([self._answers], [], [], 0)[0])

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self) -> tuple[int, str]:
        """Its exit status, and what it said."""
        status = int(self._answers.readline())
        said = "".join(output.read_text() for output in self._outputs if output.is_file())
        assert "Traceback" not in said, said
        return status, said


@frozen
class Shell:
    """Starts commands, one at a time."""

    _process: subprocess.Popen[bytes]
    _directory: Path

    def start(
        self, home: Path, *arguments: str | Path, cwd: Path | None = None, terminal: Terminal | None = None
    ) -> Running:
        stdout, stderr = self._directory / "stdout", self._directory / "stderr"
        for output in (stdout, stderr):
            output.write_bytes(b"")
        if terminal is not None:
            stderr = Path(terminal.name)
        order = {
            "arguments": [*map(str, arguments), "--home", str(home)],
            "directory": str(cwd or self._directory),
            "stdout": str(stdout),
            "stderr": str(stderr),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return Running(int(self._process.stdout.readline()), self._process.stdout, (stdout, stderr))

    def run(self, home: Path, *arguments: str | Path, status: int = 0, cwd: Path | None = None) -> str:
        """What a command says; ``status`` is the exit status that it must have."""
        ended, said = self.start(home, *arguments, cwd=cwd).end()
        assert ended == status, said
        return said

    def kill_once(self, happened: Callable[[], bool], home: Path, *arguments: str | Path) -> None:
        """Kill a command in the middle of its work."""
        running = self.start(home, *arguments)
        wait_until(lambda: happened() or running.has_ended(), lambda: "it does not begin")
        assert not running.has_ended(), f"it ended before it could be killed: {running.end()}"
        running.send_signal(signal.SIGKILL)
        assert running.end()[0] == -signal.SIGKILL


@contextmanager
def run_shell(directory: Path) -> Iterator[Shell]:
    """A shell that keeps what commands say in ``directory``."""
    command = [sys.executable, "-m", "tests.support.command_forks"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), bufsize=0
    ) as process:
        try:
            yield Shell(process, directory)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(PATIENCE)
