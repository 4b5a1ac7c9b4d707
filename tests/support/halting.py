"""Processes that a test halts: they live and keep their sockets and locks, and do nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Final

_DEADLINE: Final = 100.0


def halt(process: int) -> None:
    """
    Return when no thread of ``process`` runs any more.

    The signal is delivered to one of them; on a busy machine the others may still answer for a while (signal(7)).
    """
    os.kill(process, signal.SIGSTOP)
    deadline = time.monotonic() + _DEADLINE
    while any(_read_state(thread) not in "TZ" for thread in Path(f"/proc/{process}/task").iterdir()):
        assert time.monotonic() < deadline, f"process {process} does not halt"
        time.sleep(0.001)


def _read_state(thread: Path) -> str:
    """A letter of proc_pid_stat(5): T is stopped, Z has ended."""
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"
