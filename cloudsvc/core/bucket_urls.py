"""URLs of buckets, as settings name them: ``s3://BUCKET/PREFIX``."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""As AWS has it, and every store that speaks its protocol."""

_PREFIX: Final = re.compile(r"[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*")
"""Characters that need no escaping in any store, in parts that are not empty."""

_LONGEST_PREFIX: Final = 512
"""Characters. A key has 1,024 bytes at most, and what is put behind the prefix has less than 80."""


def parse_bucket_url(url: str) -> tuple[str, str]:
    """
    Bucket and prefix of ``s3://BUCKET/PREFIX``.

    :raises ValueError: it is none. The text says why, and does not repeat what may be a secret in the wrong place.
    """
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError("it must read s3://BUCKET or s3://BUCKET/PREFIX")
    if "@" in parts.netloc or ":" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("only bucket and prefix belong into s3://BUCKET/PREFIX; all else has a setting of its own")
    bucket, prefix = parts.netloc, parts.path.strip("/")
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f"{bucket!r} is no name of a bucket: 3 to 63 small letters, digits, dots and hyphens")
    if prefix and (
        not _PREFIX.fullmatch(prefix) or len(prefix) > _LONGEST_PREFIX or {".", ".."} & {*prefix.split("/")}
    ):
        raise ValueError(f"{prefix!r} is no prefix: letters, digits and !_.*'()- between single slashes")
    return bucket, prefix
