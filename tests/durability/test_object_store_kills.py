"""Processes that are killed while they store blobs in a bucket: what they have acknowledged is there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest
from attrs import define
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from cloudsvc.core.threads import WorkerThreads
from cloudsvc.drive.blobs import BlobMissing, BlobStore
from cloudsvc.drive.nodes import Blob, BlobId
from tests.support.blobs import EVER, list_blobs, list_suspended, load_blob
from tests.support.object_stores import KEY, SECRET, ObjectServer, open_bucket, run_seaweedfs
from tests.support.reactors import in_reactor, run_threads
from tests.support.tcp_proxy import Proxy, run_proxy

MIB: Final = 2**20
CONTENT: Final = hashlib.shake_128(b"of a process that is killed").digest(17 * MIB + 1)
SYNCED: Final = 12 * MIB + 5

CHILD: Final = """
import hashlib, json, sys
from twisted.internet import reactor, task
from twisted.internet.defer import ensureDeferred
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import WorkerThreads
from cloudsvc.storage.blobs.objects import ObjectStoreSettings, open_objects
from cloudsvc.storage.blobs.objects.parts import PartSizes

def say(**what):
    print(json.dumps(what), flush=True)

async def work(threads, told):
    secrets = {name: Secret(told.pop(name)) for name in ("access_key", "secret_key")}
    first = told.pop("first")
    store = await open_objects(
        ObjectStoreSettings(path_style=True, **secrets, **told),
        installation="tests", threads=threads, clock=reactor, sizes=PartSizes(first=first),
    )
    content = hashlib.shake_128(b"of a process that is killed").digest(17 * 2**20 + 1)
    writer = await store.create()
    say(begun=writer.id)
    await writer.write(content[: 12 * 2**20 + 5])
    say(synced=await writer.sync())
    await writer.write(content[12 * 2**20 + 5 :])
    say(sealed=(await writer.seal()).size)
    writer.close()
    await store.close()

def main(reactor):
    threads = WorkerThreads(reactor=reactor, most=4, name="test")
    threads.start()
    return ensureDeferred(work(threads, json.loads(sys.argv[1]))).addBoth(lambda found: (threads.stop(), found)[1])

task.react(main)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with run_seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as running:
        yield running


@pytest.fixture
def threads() -> Iterator[WorkerThreads]:
    with run_threads(4) as runner:
        yield runner


@define
class Killing:
    """Counts what a process sends, and kills it in the middle."""

    after: int
    process: subprocess.Popen[bytes] | None = None

    def __call__(self, data: bytes) -> bytes:
        self.after -= len(data)
        if self.after < 0 and self.process is not None:
            self.process.kill()
        return data


def start(told: dict[str, object]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, json.dumps(told)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )


async def run_and_kill(server: ObjectServer, prefix: str, proxy: Proxy, after: int) -> dict[str, str | int]:
    """What a process has said before it was killed, or ended."""
    told: dict[str, object] = {
        "bucket": server.settings.bucket,
        "prefix": prefix,
        "endpoint": f"http://127.0.0.1:{proxy.port}",
        "access_key": KEY,
        "secret_key": SECRET,
        "first": server.sizes.first,
    }
    killing = Killing(after)
    proxy.upstream = killing
    with start(told) as process:
        killing.process = process
        # Its bytes go through this reactor.
        while process.poll() is None:
            await deferLater(IReactorTime(reactor), 0.01)
        assert process.stdout is not None
        said: dict[str, str | int] = {}
        for line in process.stdout.read().splitlines():
            said |= json.loads(line)
    assert process.returncode == (-9 if after < len(CONTENT) else 0)
    return said


@pytest.mark.parametrize("after", [MIB, 7 * MIB, 11 * MIB, 13 * MIB, 16 * MIB, 2**40], ids=lambda size: f"{size >> 20}")
@in_reactor
async def test_what_a_process_has_said_holds_when_it_is_killed(
    server: ObjectServer, threads: WorkerThreads, after: int
) -> None:
    settings = server.choose_prefix()
    async with run_proxy(server.process.port) as proxy:
        said = await run_and_kill(server, settings.prefix, proxy, after)
    blob = BlobId(str(said["begun"]))
    async with open_bucket(settings, threads, server.sizes) as store:
        if "sealed" in said:
            assert await list_blobs(store) == {blob}
            assert await list_suspended(store) == set()
            await assert_whole(store, blob)
            return
        # What is not acknowledged may be there all the same: then it is whole, and orphaned.
        assert await list_blobs(store) <= {blob}
        # So may what can be resumed.
        if "synced" in said or await list_suspended(store, EVER):
            await go_on(store, blob)
        assert await list_suspended(store, EVER) == set()
    with server.connect() as client:
        assert not client.list_multipart_uploads(Bucket=settings.bucket, Prefix=settings.prefix).get("Uploads")


async def go_on(store: BlobStore, blob: BlobId) -> None:
    try:
        writer = await store.resume(blob)
    except BlobMissing:
        # It was sealed, and killed before it could say so.
        await assert_whole(store, blob)
        return
    assert writer.size == SYNCED
    await writer.write(CONTENT[writer.size :])
    sealed = await writer.seal()
    writer.close()
    assert sealed.digest == hashlib.sha256(CONTENT).digest()
    await assert_whole(store, blob)


async def assert_whole(store: BlobStore, blob: BlobId) -> None:
    assert await load_blob(store, Blob(id=blob, size=len(CONTENT), digest=None)) == CONTENT
