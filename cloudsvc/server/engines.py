"""Engines of the drive, as the configuration names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudsvc.core.bucket_urls import parse_bucket_url
from cloudsvc.settings.home import Home
from cloudsvc.settings.model import BlobSettings, Settings
from cloudsvc.storage.engines import Engines

if TYPE_CHECKING:
    from cloudsvc.storage.blobs.objects.settings import ObjectStoreSettings


def make_engines(settings: Settings, home: Home) -> Engines:
    """What keeps the drive of ``home``."""
    return Engines(
        database=settings.database.url,
        bucket=None if settings.blobs.url is None else _make_bucket(settings.blobs.url, settings.blobs, home),
    )


def _make_bucket(url: str, settings: BlobSettings, home: Home) -> ObjectStoreSettings:
    # Its package imports what is an extra.
    from cloudsvc.storage.blobs.objects.settings import ObjectStoreSettings  # noqa: PLC0415  # as said

    bucket, prefix = parse_bucket_url(url)
    return ObjectStoreSettings(
        bucket=bucket,
        prefix=prefix,
        endpoint=settings.endpoint,
        region=settings.region,
        path_style=settings.path_style,
        access_key=settings.access_key,
        secret_key=settings.secret_key,
        session_token=settings.session_token,
        ca_file=None if settings.ca_file is None else home.resolve(settings.ca_file),
    )
