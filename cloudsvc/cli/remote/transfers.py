"""Transfers of single files, with their progress."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from cloudsvc.cli.remote.progress import show_transfer
from cloudsvc.client import Client, Downloaded, LocalError, Stored


def upload_file(client: Client, file: Path, path: str, *, if_absent: bool) -> Stored:
    """Keep a local file at ``path``, with the moment at which it was changed."""
    try:
        status = file.stat()
    except OSError as problem:
        raise LocalError("unreadable_file", f"{file} cannot be read: {problem.strerror}.") from None
    modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
    with show_transfer(path, status.st_size) as progress:
        return client.upload(file, path, if_absent=if_absent, modified_at=modified_at, progress=progress)


def upload_stream(client: Client, stream: IO[bytes], path: str, *, if_absent: bool) -> Stored:
    """Keep what comes from ``stream`` at ``path``."""
    with show_transfer(path, None) as progress:
        return client.upload(stream, path, if_absent=if_absent, progress=progress)


def download_file(client: Client, path: str, place: Path, *, size: int | None, replace: bool) -> Downloaded:
    """Bring the file at ``path`` to ``place``."""
    with show_transfer(path, size) as progress:
        return client.download(path, place, replace=replace, progress=progress)


def print_content(client: Client, path: str, start: int, stop: int | None) -> None:
    """Write the bytes of a file to standard output."""
    output = sys.stdout.buffer
    for piece in client.read(path, start=start, stop=stop):
        output.write(piece)
    output.flush()
