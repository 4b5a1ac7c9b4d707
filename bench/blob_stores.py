"""
One large blob into a store and back, at the port: in a directory, and in a bucket of SeaweedFS.

``python -m bench.blob_stores DIRECTORY MIB [PORT]`` does it, in a process of its own, and prints what it found as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import attrs
from twisted.internet.task import react

from bench.buckets import BUCKET, run_seaweedfs
from bench.memory import Growth
from bench.seaweedfs import KEY, SECRET
from bench.server import ROOT, MeasurementError
from bench.stages import Ground, Samples
from bench.transfers import Transfer
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner, WorkerThreads
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.storage.blobs import open_blobs
from cloudsvc.storage.blobs.objects import ObjectStoreSettings, open_objects

TITLES: Final = {
    "blob-up": "a large blob into a directory, hashed and durable",
    "blob-down": "the same, back",
    "bucket-up": "a large blob into a bucket, hashed and verified by the store",
    "bucket-down": "the same, back",
    "bucket-memory": "the same, both ways: growth of memory",
}

_MIB: Final = 2**20
_WARM_UP_MIB: Final = 32
_SPARE_SECONDS: Final = 300


def measure_blobs(ground: Ground) -> Samples:
    """
    One round of it. The client has the core of the servers, and SeaweedFS, which takes more, all others.

    :raises MeasurementError: it failed.
    """
    with tempfile.TemporaryDirectory(prefix="blobs-", dir=ground.directory) as directory:
        files, mib = Path(directory) / "files", ground.scale.upload_mib
        blob = _run(ground.core, str(files), str(mib))
        with run_seaweedfs(Path(directory), ground.core) as seaweedfs:
            bucket = _run(ground.core, str(files), str(mib), str(seaweedfs.port))
    return {
        "blob-up": Transfer(**blob["up"]),
        "blob-down": Transfer(**blob["down"]),
        "bucket-up": Transfer(**bucket["up"]),
        "bucket-down": Transfer(**bucket["down"]),
        "bucket-memory": Growth(mib=bucket["growth_mib"]),
    }


def _run(core: int, *arguments: str) -> dict[str, Any]:
    command = ["taskset", "--cpu-list", str(core), sys.executable, "-m", __name__, *arguments]
    done = subprocess.run(  # noqa: S603 - this module
        command, cwd=ROOT, capture_output=True, text=True, timeout=_SPARE_SECONDS, check=False
    )
    if done.returncode:
        raise MeasurementError(f"storing a blob failed: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def _transfer(store: BlobStore, mib: int) -> tuple[Transfer, Transfer]:
    """There and back."""
    pieces = [os.urandom(64 * 1024) for _ in range(16)]
    began = _Reading.take()
    writer = await store.create()
    for _ in range(mib):
        for piece in pieces:
            await writer.write(piece)
    blob = await writer.seal()
    writer.close()
    up = began.compare(mib)
    began = _Reading.take()
    reader = await store.open(blob)
    size = 0
    async for part in reader.stream(0, blob.size):
        size += len(part)
    await reader.close()
    if size != mib * _MIB:
        raise MeasurementError(f"{size} bytes instead of {mib} MiB")
    down = began.compare(mib)
    await store.delete([blob.id])
    return up, down


@attrs.frozen
class _Reading:
    seconds: float
    cpu_seconds: float

    @classmethod
    def take(cls) -> _Reading:
        return cls(time.perf_counter(), time.process_time())

    def compare(self, mib: int) -> Transfer:
        """What has passed since, for so many MiB."""
        seconds, cpu_seconds = time.perf_counter() - self.seconds, time.process_time() - self.cpu_seconds
        return Transfer(
            mib_per_second=mib / seconds, cpu_seconds_per_gib=cpu_seconds / mib * 1024, core_share=cpu_seconds / seconds
        )


async def _open(reactor: Any, threads: ThreadRunner, directory: str, port: str | None) -> Any:
    if port is None:
        return await open_blobs(Path(directory), threads)
    settings = ObjectStoreSettings(
        bucket=BUCKET,
        prefix="",
        endpoint=f"http://127.0.0.1:{port}",
        path_style=True,
        access_key=Secret(KEY),
        secret_key=Secret(SECRET),
    )
    return await open_objects(settings, installation="bench", threads=threads, clock=reactor)


async def _main(reactor: Any, directory: str, mib: str, port: str | None = None) -> None:
    threads = WorkerThreads(reactor=reactor, most=8, name="bench")
    threads.start()
    try:
        store = await _open(reactor, threads, directory, port)
        await _transfer(store, _WARM_UP_MIB)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        up, down = await _transfer(store, int(mib))
        growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        await store.close()
    finally:
        threads.stop()
    found = {"up": attrs.asdict(up), "down": attrs.asdict(down), "growth_mib": growth / 1024}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    react(_main, sys.argv[1:])
