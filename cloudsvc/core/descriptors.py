"""File descriptor limits: how many this process may have, and how many of them connections may take."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from typing import Final

from attrs import frozen

_RESERVE: Final = 128
"""Descriptors for the catalogue, logs, threads, workers and ports, however many connections there are."""

_EACH: Final = 2
"""Descriptors of one connection: its socket, and a file that it reads or writes."""

_ENOUGH: Final = 1 << 20
"""More would not help, and what goes through all possible ones, as some libraries do, would take long."""


@frozen(kw_only=True)
class DescriptorLimit:
    """
    The limit of this process (RLIMIT_NOFILE in getrlimit(2)).

    :ivar before: what it was given.
    :ivar now: what it has made of that.
    """

    before: int
    now: int

    @property
    def connections(self) -> int:
        """Connections that leave enough for the rest."""
        return max(1, (self.now - min(_RESERVE, self.now // 2)) // _EACH)


def raise_limit() -> DescriptorLimit:
    """
    Raise the soft limit to the hard one, as far as it helps.

    The usual soft limit, 1,024, is for programs that use select(2). A server without a reserve has clients who say
    nothing, and no descriptor for the files of those who say something.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = _ENOUGH if soft == resource.RLIM_INFINITY else soft
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if wanted > before:
        with suppress(OSError, ValueError):  # refused by a sandbox, say: then what there is has to do
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return DescriptorLimit(before=before, now=_ENOUGH if now == resource.RLIM_INFINITY else now)


def can_open_files() -> bool:
    """Whether there is a descriptor left, in this process and in the system."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
