"""System calls of a process, and errors put into their results."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.required_tools import require_tool
from tests.support.server import PATIENCE

RENAME = "?rename,?renameat,?renameat2"
MAKE_FOLDER = "?mkdir,?mkdirat"
UNLINK = "?unlink,?unlinkat"
"""Calls that have other names on other machines."""


@contextmanager
def tracing(pid: int, report: Path, *calls: str, faults: Sequence[str] = ()) -> Iterator[None]:
    """
    Meanwhile write into ``report`` which calls a process makes, with the paths of descriptors.

    :param calls: which ones, as strace spells it.
    :param faults: what becomes of some, as in ``fsync:error=EIO``.
    """
    command = [require_tool("strace", "strace"), "-f", "-y", "-s", "32", "-o", str(report), "-p", str(pid)]
    command += ["-e", f"trace={','.join(calls)}", *(word for fault in faults for word in ("-e", f"inject={fault}"))]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    attached = tracer.stderr.readline()
    try:
        if "attached" not in attached:
            pytest.skip(f"strace may not look at other processes here: {attached.strip()}")
        yield
    finally:
        tracer.terminate()
        tracer.wait(PATIENCE)
        tracer.stderr.close()
