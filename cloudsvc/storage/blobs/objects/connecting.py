"""Clients of AWS's library for an S3-compatible store, made of settings."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final

import botocore.session  # type: ignore[import-untyped]  # has no types
from botocore.config import Config  # type: ignore[import-untyped]  # as above
from botocore.loaders import create_loader  # type: ignore[import-untyped]  # as above

from cloudsvc.core.secrets import Secret
from cloudsvc.storage.blobs.objects.client import Note, ObjectClient
from cloudsvc.storage.blobs.objects.deadlines import Deadline, Patience
from cloudsvc.storage.blobs.objects.settings import ObjectStoreSettings

_CONNECTIONS: Final = 16
"""To the store, at most, of each of the two: more than that many threads at once are not worth it."""

_LOADER: Final = create_loader()
"""Remembers the descriptions of AWS's services, which are megabytes of JSON."""


def make_client(settings: ObjectStoreSettings, patience: Patience, deadline: Deadline, note: Note) -> ObjectClient:
    """
    A client that has asked nothing yet. Blocks: it reads some files.

    :raises BotoCoreError: what the environment says of AWS makes no sense.
    :raises ValueError: the endpoint is no URL.
    :raises OSError: the file with the authorities cannot be read.
    """
    if settings.ca_file is not None:
        _check_authorities(settings.ca_file)
    session = botocore.session.Session()
    session.register_component("data_loader", _LOADER)

    def connect(silence: float) -> Any:
        config = Config(
            connect_timeout=patience.connect,
            read_timeout=silence,
            max_pool_connections=_CONNECTIONS,
            # What is tried again, how often and how long, is decided in one place: calls.py.
            retries={"total_max_attempts": 1},
            # Content-MD5 is what every store verifies. The CRC trailers of newer clients, some have taken for content.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if settings.path_style else "virtual"},
            tcp_keepalive=True,
        )
        return session.create_client(
            "s3",
            region_name=settings.region,
            endpoint_url=settings.endpoint,
            verify=None if settings.ca_file is None else str(settings.ca_file),
            aws_access_key_id=_reveal(settings.access_key),
            aws_secret_access_key=_reveal(settings.secret_key),
            aws_session_token=_reveal(settings.session_token),
            config=config,
        )

    return ObjectClient(
        bucket=settings.bucket,
        client=connect(patience.silence),
        patient=connect(patience.work),
        deadline=deadline,
        note=note,
    )


def _check_authorities(file: Path) -> None:
    """See that there are certificates in ``file``: what only fails with the first request looks like a wrong one."""
    try:
        ssl.create_default_context(cafile=str(file))
    except OSError as problem:
        raise OSError(f"{file}: {problem.strerror or 'no certificate'}") from None


def _reveal(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()
