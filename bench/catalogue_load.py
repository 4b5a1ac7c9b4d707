"""Catalogues in this process, and callers that ask one as often as they can."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from bench.load import Throughput
from cloudsvc.core.actors import OWNER
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import WorkerThreads
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.commands import StoreFile
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.catalogue import READER_THREADS, migrate, open_catalogue
from cloudsvc.storage.catalogue.postgresql.migration import migrate as migrate_database
from cloudsvc.storage.catalogue.postgresql.opening import open_postgresql


@asynccontextmanager
async def opened_catalogue(reactor: Any, directory: Path, url: str | None) -> AsyncIterator[Catalogue]:
    """A catalogue in a file of ``directory``, or in the database of ``url``, with threads of its own."""
    writer, readers = (WorkerThreads(reactor=reactor, most=most, name="bench") for most in (1, READER_THREADS + 2))
    for threads in (writer, readers):
        threads.start()
    try:
        given: dict[str, Any] = {"writer": writer, "readers": readers, "now": lambda: time.time_ns() // 1000}
        catalogue: Any
        if url is None:
            file = directory / "catalogue.sqlite3"
            migrate(file)
            catalogue = await open_catalogue(file, **given)
        else:
            migrate_database(Secret(url))
            catalogue = await open_postgresql(Secret(url), work=directory / "work", reactor=reactor, **given)
        try:
            yield catalogue
        finally:
            await catalogue.close()
    finally:
        for threads in (writer, readers):
            threads.stop()


async def store_file(catalogue: Catalogue, path: str) -> None:
    """Note a file of 4 KiB, of which there are no bytes."""
    blob = Blob(id=BlobId(secrets.token_hex(16)), size=4096, digest=secrets.token_bytes(32), crc32=1)
    command = StoreFile(path=parse_path(path), blob=blob, media_type="image/jpeg", versions_kept=10)
    await catalogue.apply(OWNER, [command])


async def load(ask: Callable[[int], Awaitable[object]], seconds: float, at_once: int) -> Throughput:
    """Ask as often as possible, so many at once."""
    began, cpu = time.perf_counter(), time.process_time()
    numbers, latencies = count(), list[float]()

    async def repeat() -> None:
        # Each asks once at least, however busy the machine is.
        while True:
            asked = time.perf_counter()
            await ask(next(numbers))
            latencies.append((time.perf_counter() - asked) * 1000)
            if time.perf_counter() - began > seconds:
                return

    await gatherResults([Deferred.fromCoroutine(repeat()) for _ in range(at_once)])
    passed, used = time.perf_counter() - began, time.process_time() - cpu
    # Of one value there are no quantiles.
    steps = quantiles([*latencies, latencies[-1]], n=100)
    return Throughput(
        requests_per_second=len(latencies) / passed,
        cpu_us_per_request=used / len(latencies) * 1e6,
        p50_ms=steps[49],
        p99_ms=steps[98],
        core_share=used / passed,
    )
