"""Real stores of objects for tests: SeaweedFS, which keeps them on disk, and moto, which takes smaller parts."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import botocore.session  # type: ignore[import-untyped]  # has no types
from attrs import evolve, frozen
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # as above
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime

from bench.seaweedfs import KEY, SECRET, list_arguments, remove_sockets
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.blobs.objects import ObjectBlobs, ObjectStoreSettings, open_objects
from cloudsvc.storage.blobs.objects.client import Note
from cloudsvc.storage.blobs.objects.deadlines import Patience
from cloudsvc.storage.blobs.objects.parts import PartSizes
from cloudsvc.tls.files import CertificateFiles
from tests.support.external_servers import ToolServer, find_free_port, start_and_stop
from tests.support.required_tools import require_tool
from tests.support.server import wait_until

MIB: Final = 2**20

BUCKET: Final = "bucket-of-tests"

_SMALLEST: Final = 5 * MIB
"""Bytes of the smallest part that S3 takes, but as the last one; SeaweedFS demands it, too."""

__all__ = ["BUCKET", "KEY", "SECRET", "ObjectServer", "open_bucket", "run_moto", "run_seaweedfs"]

_PACKAGE: Final = "requirements/tools-s3.txt"


@frozen(kw_only=True)
class ObjectServer:
    """
    A running store with a bucket.

    :ivar process: of it, to be stopped, started again on the same ports, frozen and thawed.
    :ivar sizes: of the smallest parts that it takes. They grow after the second one.
    """

    process: ToolServer
    settings: ObjectStoreSettings
    sizes: PartSizes

    def choose_prefix(self) -> ObjectStoreSettings:
        """Settings for a prefix below which there is nothing."""
        return evolve(self.settings, prefix=f"tests/{secrets.token_hex(8)}")

    def choose_versioned(self) -> ObjectStoreSettings:
        """Settings for a bucket that keeps what is deleted as versions."""
        settings = evolve(self.choose_prefix(), bucket=f"versioned-{secrets.token_hex(8)}")
        with self.connect() as client:
            client.create_bucket(Bucket=settings.bucket)
            client.put_bucket_versioning(Bucket=settings.bucket, VersioningConfiguration={"Status": "Enabled"})
        return settings

    def wait_until_it_works(self) -> None:
        """Return once an object can be stored: SeaweedFS listens before it knows of a place for one."""

        def has_stored() -> bool:
            try:
                client.put_object(Bucket=BUCKET, Key="probe", Body=bytes(65536))
                client.delete_object(Bucket=BUCKET, Key="probe")
            except (BotoCoreError, ClientError):
                return False
            return True

        with self.connect() as client:
            wait_until(has_stored, lambda: f"nothing can be stored at {self.process.uri}")

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """A client that does what an operator or somebody else would do."""
        client = botocore.session.Session().create_client(
            "s3",
            endpoint_url=self.settings.endpoint,
            region_name=self.settings.region,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            verify=None if self.settings.ca_file is None else str(self.settings.ca_file),
        )
        try:
            yield client
        finally:
            client.close()


@contextmanager
def run_seaweedfs(directory: Path, log: Path | None = None) -> Iterator[ObjectServer]:
    """
    SeaweedFS with everything that it consists of in one process.

    :param log: the file that keeps what it prints, if one does.
    """
    program = require_tool("weed", _PACKAGE)
    arguments = list_arguments(directory, find_free_port)
    server = ToolServer("http", lambda port: [program, *arguments, f"-s3.port={port}"], log=log)
    try:
        with start_and_stop(server) as process:
            yield _prepare(process, _SMALLEST)
    finally:
        remove_sockets(arguments)


@contextmanager
def run_moto(_directory: Path, certificate: CertificateFiles | None = None) -> Iterator[ObjectServer]:
    """Moto, which keeps everything in memory; with a certificate it speaks TLS."""
    program = require_tool("moto_server", _PACKAGE)
    environment = {"S3_UPLOAD_PART_MIN_SIZE": str(MIB)}
    options = ["-H", "127.0.0.1"]
    if certificate is not None:
        options += ["-c", str(certificate.certificate), "-k", str(certificate.key)]
    scheme = "http" if certificate is None else "https"
    process = ToolServer(scheme, lambda port: [program, "-p", str(port), *options], environment=environment)
    with start_and_stop(process) as started:
        yield _prepare(started, MIB, None if certificate is None else certificate.authority_certificate)


def _prepare(process: ToolServer, smallest: int, ca_file: Path | None = None) -> ObjectServer:
    settings = ObjectStoreSettings(
        bucket=BUCKET,
        prefix="",
        endpoint=process.uri,
        path_style=True,
        access_key=Secret(KEY),
        secret_key=Secret(SECRET),
        ca_file=ca_file,
    )
    sizes = PartSizes(first=smallest, stage=2, most=8, copied=smallest)
    server = ObjectServer(process=process, settings=settings, sizes=sizes)
    with server.connect() as client:
        client.create_bucket(Bucket=BUCKET)
    server.wait_until_it_works()
    return server


@asynccontextmanager
async def open_bucket(
    settings: ObjectStoreSettings,
    threads: ThreadRunner,
    sizes: PartSizes,
    *,
    installation: str = "tests",
    knows_blobs: bool = False,
    patience: Patience | None = None,
    note: Note | None = None,
) -> AsyncIterator[ObjectBlobs]:
    """A store in a bucket, closed at the end."""
    store = await open_objects(
        settings,
        installation=installation,
        threads=threads,
        clock=IReactorTime(reactor),
        knows_blobs=knows_blobs,
        sizes=sizes,
        patience=patience,
        note=note,
    )
    try:
        yield store
    finally:
        await store.close()
