"""Servers with a drive."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.support.hostile_clients import run_trial
from tests.support.required_tools import require_tool
from tests.support.server import Server
from tests.support.trial_application import NAME as TRIAL

MIB = 1 << 20
DRIVE = "drive"


@contextmanager
def run_drive(directory: Path, **settings: Any) -> Iterator[Server]:
    """A server with a drive and with the application of the other tests."""
    with run_trial(directory, applications=[TRIAL, DRIVE], storage_config=settings) as server:
        yield server


def list_blobs(server: Server) -> list[Path]:
    """All files in which the drive of ``server`` keeps bytes, sealed or not."""
    data = server.home / "data" / "drive"
    return [path for name in ("blobs", "incoming") for path in (data / name).rglob("*") if is_blob(path)]


def is_blob(path: Path) -> bool:
    return path.is_file() and len(path.stem) == 32


@frozen(kw_only=True)
class Curled:
    """What curl has seen. ``status`` is 0 where there was no answer."""

    exit_status: int
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def curl(server: Server, path: str, *arguments: object, key: bool = True) -> Curled:
    """Ask with curl, which verifies the certificate; ``path`` is left as it is."""
    head = server.home / "head"
    command: list[object] = [require_tool("curl", "curl"), "-sS", "--path-as-is", "--globoff", "--max-time", "300"]
    command += ["--cacert", server.certificate, "-D", head, "-w", "\n%{http_code}"]
    command += ["-H", f"X-API-Key: {server.token}"] if key else []
    head.write_bytes(b"")
    done = subprocess.run(
        [str(each) for each in (*command, *arguments, server.url + path)], check=False, capture_output=True, timeout=400
    )
    body, _, status = done.stdout.rpartition(b"\n")
    last = head.read_bytes().decode().strip().split("\r\n\r\n")[-1].split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in last[1:])}
    return Curled(exit_status=done.returncode, status=int(status), headers=headers, body=body)
