"""Addresses of buckets."""

from __future__ import annotations

import pytest

from cloudsvc.core.bucket_urls import parse_bucket_url
from cloudsvc.core.secrets import Secret
from cloudsvc.storage.blobs.objects import ObjectStoreSettings


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("s3://photos", "photos", ""),
        ("s3://photos/", "photos", ""),
        ("s3://photos.example.org/cloud/one/", "photos.example.org", "cloud/one"),
        ("s3://abc/a-b_c.d", "abc", "a-b_c.d"),
    ],
)
def test_bucket_and_prefix(url: str, bucket: str, prefix: str) -> None:
    assert parse_bucket_url(url) == (bucket, prefix)
    assert parse_bucket_url(ObjectStoreSettings(bucket=bucket, prefix=prefix).url) == (bucket, prefix)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "photos",
        "s3:photos",
        "s3://",
        "https://photos/a",
        "s3://ab",
        "s3://Photos",
        "s3://-photos",
        "s3://photos/a//b",
        "s3://photos/a b",
        "s3://photos/../b",
        "s3://photos/ä",
        "s3://photos/" + "a" * 513,
        "s3://photos:9000/a",
        "s3://photos/a?region=x",
        "s3://photos/a#b",
    ],
)
def test_what_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"s3://|is no "):
        parse_bucket_url(url)


def test_what_may_be_a_secret_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="setting of its own") as caught:
        parse_bucket_url("s3://key:sesame@photos/a")
    assert "sesame" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    settings = ObjectStoreSettings(
        bucket="photos", prefix="", access_key=Secret("open"), secret_key=Secret("sesame"), session_token=Secret("door")
    )
    assert not {"open", "sesame", "door"} & {*repr(settings).replace("'", " ").replace("(", " ").split()}
