"""Buckets that are ours, or are not, or cannot be used: one line says what to do, and nothing is touched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import WorkerThreads
from cloudsvc.storage.blobs.objects import ObjectStoreSettings, find_installation
from tests.support.blobs import list_blobs, load_blob, store_blob
from tests.support.external_servers import find_free_port
from tests.support.object_stores import KEY, SECRET, ObjectServer, open_bucket, run_moto
from tests.support.reactors import in_reactor
from tests.support.tls.certificates import make

pytestmark = pytest.mark.slow


async def refuse(
    server: ObjectServer, settings: ObjectStoreSettings, threads: WorkerThreads, installation: str = "tests"
) -> str:
    """The one line with which a bucket is refused."""
    with pytest.raises(OperatorError) as caught:
        async with open_bucket(settings, threads, server.sizes, installation=installation):
            pass
    [line] = caught.value.lines
    assert SECRET not in line
    assert "\n" not in line
    return line


def list_keys(server: ObjectServer, settings: ObjectStoreSettings) -> set[str]:
    with server.connect() as client:
        answer = client.list_objects_v2(Bucket=settings.bucket, Prefix=settings.prefix)
        return {each["Key"] for each in answer.get("Contents", [])}


@in_reactor
async def test_an_empty_prefix_is_taken_and_kept(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    settings = seaweedfs.choose_prefix()
    for _ in range(2):
        async with open_bucket(settings, threads, seaweedfs.sizes, installation="ours") as store:
            assert not await store.holds_blobs()
    assert list_keys(seaweedfs, settings) == {f"{settings.prefix}/installation.json"}
    async with open_bucket(settings, threads, seaweedfs.sizes, installation="ours") as store:
        await store_blob(store, b"ours")
        assert await store.holds_blobs()


@in_reactor
async def test_two_installations_have_no_prefix_in_common(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    settings = seaweedfs.choose_prefix()
    async with open_bucket(settings, threads, seaweedfs.sizes, installation="theirs") as store:
        blob = await store_blob(store, b"theirs")
        before = list_keys(seaweedfs, settings)
        line = await refuse(seaweedfs, settings, threads, installation="ours")
        assert line == f"{settings.url} belongs to another installation, theirs; name another prefix in blobs.url"
        assert list_keys(seaweedfs, settings) == before
        assert await load_blob(store, blob) == b"theirs"
        # A neighbour whose prefix begins in the same way is somebody else.
        async with open_bucket(evolve(settings, prefix=settings.prefix + "-2"), threads, seaweedfs.sizes) as neighbour:
            assert await list_blobs(neighbour) == set()


@in_reactor
async def test_a_catalogue_that_knows_blobs_begins_no_new_prefix(
    seaweedfs: ObjectServer, threads: WorkerThreads
) -> None:
    settings = seaweedfs.choose_prefix()
    with pytest.raises(OperatorError, match="is empty, and the catalogue refers to blobs"):
        async with open_bucket(settings, threads, seaweedfs.sizes, knows_blobs=True):
            pass
    assert list_keys(seaweedfs, settings) == set()
    async with open_bucket(settings, threads, seaweedfs.sizes):
        pass
    async with open_bucket(settings, threads, seaweedfs.sizes, knows_blobs=True):
        pass


@in_reactor
async def test_whose_a_prefix_is_can_be_asked_without_taking_it(
    seaweedfs: ObjectServer, threads: WorkerThreads
) -> None:
    settings, clock = seaweedfs.choose_prefix(), IReactorTime(reactor)
    assert await find_installation(settings, threads=threads, clock=clock) is None
    assert list_keys(seaweedfs, settings) == set()
    async with open_bucket(settings, threads, seaweedfs.sizes, installation="ours"):
        pass
    assert await find_installation(settings, threads=threads, clock=clock) == "ours"
    with pytest.raises(OperatorError, match="refuses the credentials"):
        await find_installation(evolve(settings, secret_key=Secret("another")), threads=threads, clock=clock)


@in_reactor
async def test_what_is_not_ours_stays_as_it_is(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    settings = seaweedfs.choose_prefix()
    with seaweedfs.connect() as client:
        client.put_object(Bucket=settings.bucket, Key=f"{settings.prefix}/holiday.jpeg", Body=b"a photograph")
    line = await refuse(seaweedfs, settings, threads)
    assert line.startswith(f"{settings.url} has objects and no ")
    assert list_keys(seaweedfs, settings) == {f"{settings.prefix}/holiday.jpeg"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nonsense", "has a damaged installation.json"),
        (b"", "has a damaged installation.json"),
        (b" " * 5000, "has a damaged installation.json"),
        (b'{"installation":"tests","format":2}', "was written by a newer program"),
    ],
)
@in_reactor
async def test_a_marker_that_cannot_be_understood_is_not_replaced(
    seaweedfs: ObjectServer, threads: WorkerThreads, content: bytes, words: str
) -> None:
    settings = seaweedfs.choose_prefix()
    key = f"{settings.prefix}/installation.json"
    with seaweedfs.connect() as client:
        client.put_object(Bucket=settings.bucket, Key=key, Body=content)
        assert words in await refuse(seaweedfs, settings, threads)
        assert client.get_object(Bucket=settings.bucket, Key=key)["Body"].read() == content


@in_reactor
async def test_a_bucket_that_is_not_there_is_not_made(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    settings = evolve(seaweedfs.choose_prefix(), bucket="no-such-bucket")
    line = await refuse(seaweedfs, settings, threads)
    assert line.startswith("there is no bucket 'no-such-bucket' at ")
    with seaweedfs.connect() as client:
        assert "no-such-bucket" not in {each["Name"] for each in client.list_buckets()["Buckets"]}


@pytest.mark.parametrize(
    ("access_key", "secret_key"), [(KEY, "another"), ("AKIDOFANOTHER", SECRET)], ids=["secret key", "access key"]
)
@in_reactor
async def test_wrong_credentials_are_told_and_not_shown(
    seaweedfs: ObjectServer, threads: WorkerThreads, access_key: str, secret_key: str
) -> None:
    settings = evolve(seaweedfs.choose_prefix(), access_key=Secret(access_key), secret_key=Secret(secret_key))
    line = await refuse(seaweedfs, settings, threads)
    assert "refuses the credentials" in line
    assert access_key not in line
    assert secret_key not in line.replace("another one", "")


@in_reactor
async def test_credentials_may_come_from_the_environment(
    seaweedfs: ObjectServer, threads: WorkerThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = evolve(seaweedfs.choose_prefix(), access_key=None, secret_key=None)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    assert "there are no credentials" in await refuse(seaweedfs, settings, threads)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    async with open_bucket(settings, threads, seaweedfs.sizes) as store:
        assert await load_blob(store, await store_blob(store, b"stored")) == b"stored"


@in_reactor
async def test_what_does_not_answer_is_named(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    endpoint = f"http://127.0.0.1:{find_free_port()}"
    line = await refuse(seaweedfs, evolve(seaweedfs.choose_prefix(), endpoint=endpoint), threads)
    assert line.startswith(f"{endpoint} does not work")
    line = await refuse(seaweedfs, evolve(seaweedfs.choose_prefix(), endpoint="nonsense"), threads)
    assert "cannot be used" in line


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[ObjectServer]:
    files = make(tmp_path / "certificates", time.time(), "127.0.0.1")
    with run_moto(tmp_path, files) as server:
        yield server


@in_reactor
async def test_the_store_is_verified(encrypted: ObjectServer, threads: WorkerThreads) -> None:
    settings = encrypted.choose_prefix()
    assert settings.ca_file is not None
    async with open_bucket(settings, threads, encrypted.sizes) as store:
        content = bytes(3 * encrypted.sizes.first)
        assert await load_blob(store, await store_blob(store, content)) == content
    line = await refuse(encrypted, evolve(settings, ca_file=None), threads)
    assert "cannot be verified" in line
    another_name = evolve(settings, endpoint=str(settings.endpoint).replace("127.0.0.1", "localhost"))
    assert "cannot be verified" in await refuse(encrypted, another_name, threads)
    line = await refuse(encrypted, evolve(settings, ca_file=settings.ca_file.with_name("none.pem")), threads)
    assert "none.pem" in line
