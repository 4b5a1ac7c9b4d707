"""Resource limits of a process that decodes untrusted bytes."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from typing import Final

from cloudsvc.thumbnails.worker.syscalls import forbid_processes

MEMORY_BYTES: Final = 1024 * 2**20
"""Of address space: a hundred million pixels, decoded, once more while they are converted, and the libraries."""

CPU_SECONDS: Final = 10
"""Of the processor. The largest images take some four on a slow one."""

_DESCRIPTORS: Final = 32
_IDLE: Final = 19
_NOBODY: Final = 65534


def limit_this_process() -> bool:
    """
    Give up, for good, whatever decoding does not need.

    Whether it can start no process whatever :func:`forbid_threads` leaves it.
    """
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        # It writes to a pipe, and to no file.
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _DESCRIPTORS),
    ):
        resource.setrlimit(kind, (most, most))
    # Runs when nobody else wants to: the server answers as if it were not there. Where that is forbidden, it only takes
    # more of what it may have.
    with suppress(PermissionError):
        os.nice(_IDLE)
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    return forbid_processes()


def forbid_threads() -> None:
    """Start no thread any more, and no process either, which the system counts as the same."""
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def is_root() -> bool:
    """Whether limits could be lifted again, and that on processes does not hold."""
    return os.geteuid() == 0


def leave_root() -> None:
    """Be nobody from now on, who may hardly read anything. A container may have forbidden it."""
    with suppress(PermissionError):
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
