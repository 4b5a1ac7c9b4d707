"""The whole server with its blobs in a directory and in a bucket of SeaweedFS: a large file up and down over HTTP."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

from bench.buckets import run_seaweedfs
from bench.memory import measure_growth
from bench.scale.nodes import name_bucket, run_node
from bench.server import Server
from bench.stages import Ground, Samples
from bench.transfers import Content, download, upload, verify_download

STORES: Final = {"files": "in a directory", "bucket": "in a bucket"}
TITLES: Final = {
    f"whole-{store}-{name}": f"{title} {place}"
    for name, title in (("up", "upload of a large file"), ("down", "download of a large file"))
    for store, place in STORES.items()
} | {
    "whole-bucket-memory-up": "memory for a larger upload into a bucket",
    "whole-bucket-memory-down": "memory for a larger download from a bucket",
}

_FILE: Final = "/api/files/large"
_WARM_UP_MIB: Final = 32
"""Enough for all buffers, in which parts are gathered and read ahead, to be there before memory is compared."""


def measure_transfers(ground: Ground) -> Samples:
    """One round of it. The server has its core, and SeaweedFS all others."""
    with run_node(ground, {}) as server:
        samples = _measure(ground, server, "files")
    with (
        tempfile.TemporaryDirectory(prefix="bucket-", dir=ground.directory) as directory,
        run_seaweedfs(Path(directory), ground.core) as seaweedfs,
        run_node(ground, name_bucket(seaweedfs)) as server,
    ):
        # Its memory has seen by the end of transfers what buffers it needs.
        return samples | _measure(ground, server, "bucket") | _measure_memory(ground, server)


def _measure(ground: Ground, server: Server, store: str) -> dict[str, Any]:
    mib = ground.scale.upload_mib
    upload(server, f"{_FILE}-first", Content.make(_WARM_UP_MIB))
    content = Content.make(mib)
    there = upload(server, _FILE, content)
    verify_download(server, _FILE, content.compute_digest())
    return {f"whole-{store}-up": there, f"whole-{store}-down": download(server, _FILE, mib)}


def _measure_memory(ground: Ground, server: Server) -> dict[str, Any]:
    mib = ground.scale.memory_mib
    content = Content.make(mib)
    return {
        "whole-bucket-memory-up": measure_growth(server, lambda: upload(server, f"{_FILE}-more", content)),
        "whole-bucket-memory-down": measure_growth(server, lambda: download(server, f"{_FILE}-more", mib)),
    }
