"""Processor time of a program that has processes come and go."""

from __future__ import annotations

import os
import time
from pathlib import Path


def count_tree_seconds(pid: int) -> float:
    """
    The processor time, user and system, of a process and its children so far, those that have ended included.

    Of those that have ended the system tells hundredths of a second (proc_pid_stat(5)).
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
    return ended + count_seconds(pid) + sum(map(count_seconds, list_children(pid)))


def list_children(pid: int) -> list[int]:
    """The processes that a process has started and that run."""
    return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def count_seconds(pid: int) -> float:
    """The processor time, user and system, of all threads of a process so far; none where it has ended."""
    try:
        # Linux numbers the CPU clock of a process so (clock_getcpuclockid), to the nanosecond.
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0
