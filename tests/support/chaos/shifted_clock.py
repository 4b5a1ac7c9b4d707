"""
A program of Twisted's whose clock on the wall can be set while it runs.

``python -m tests.support.chaos.shifted_clock FILE ARGUMENTS`` is ``twistd ARGUMENTS``, whose time is later by as many
seconds as ``FILE`` says: eight bytes, a floating-point number. It is read at each look at the clock, which so jumps as
one does that somebody has set. What goes on evenly, such as timers, does not jump.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from pathlib import Path
from typing import Final

_FORMAT: Final = "<d"


def set_clock(file: Path, seconds: float) -> None:
    """Make the clock of a program later by ``seconds``, from now on."""
    data = struct.pack(_FORMAT, seconds)
    if not file.exists():
        file.write_bytes(data)
        return
    # The program has it in its memory: it must stay the same file.
    with file.open("r+b") as opened:
        opened.write(data)


def shift(file: Path) -> None:
    """Let this process have the clock that ``file`` says."""
    with file.open("r+b") as opened:
        shared = mmap.mmap(opened.fileno(), struct.calcsize(_FORMAT), access=mmap.ACCESS_READ)
    real, real_ns = time.time, time.time_ns

    def read() -> float:
        seconds: float = struct.unpack(_FORMAT, shared[:])[0]
        return seconds

    time.time = lambda: real() + read()
    time.time_ns = lambda: real_ns() + int(read() * 1e9)


if __name__ == "__main__":
    shift(Path(sys.argv[1]))
    # Only now: whoever imports a function of the clock gets the other one.
    from twisted.scripts.twistd import run

    sys.argv = ["twistd", *sys.argv[2:]]
    run()
