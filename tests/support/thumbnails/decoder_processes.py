"""The program that decodes, and other programs within its limits, as the server would start them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from cloudsvc.thumbnails.maker import _COMMAND

_LIMITED = """
import os, resource, signal, socket, sys, threading
from cloudsvc.thumbnails.worker.limits import forbid_threads, leave_root, limit_this_process
limit_this_process()
if {without_threads}:
    forbid_threads()
leave_root()
"""


def work(content: bytes, size: int = 64) -> subprocess.CompletedProcess[bytes]:
    """Let the program that decodes make a thumbnail."""
    with tempfile.TemporaryFile() as source:
        source.write(content)
        source.seek(0)
        return subprocess.run([*_COMMAND, str(size)], stdin=source, capture_output=True, env={}, check=False)


def run_limited(program: str, directory: Path, *, threads: bool = False) -> subprocess.CompletedProcess[str]:
    """Run ``program`` within the limits of the one that decodes."""
    command = [sys.executable, "-I", "-c", _LIMITED.format(without_threads=not threads) + program]
    return subprocess.run(command, capture_output=True, text=True, env={}, cwd=directory, check=False)
