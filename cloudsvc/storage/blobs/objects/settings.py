"""Settings of an object store: which bucket, where, with which credentials."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from cloudsvc.core.secrets import Secret

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""As AWS has it, and every store that speaks its protocol."""

_PREFIX: Final = re.compile(r"[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*")
"""Characters that need no escaping in any store, in parts that are not empty."""

_LONGEST_PREFIX: Final = 512
"""Characters. A key has 1,024 bytes at most, and what is put behind the prefix has less than 80."""


@frozen(kw_only=True)
class ObjectStoreSettings:
    """
    Which bucket, and how it is reached. It is the same store wherever these are the same.

    :ivar prefix: what all keys begin with, without a slash at either end; it may be empty.
    :ivar endpoint: URL of the store; ``None`` for that of AWS in the region.
    :ivar region: as the store calls it. Many that are not AWS take any.
    :ivar path_style: whether the bucket is named in the path instead of the host.
    :ivar access_key: the id of the credentials; ``None`` for those that AWS's tools would find: in the variable
        ``AWS_ACCESS_KEY_ID`` and its like, in ``~/.aws``, or of the role of this machine.
    :ivar secret_key: belongs to ``access_key``.
    :ivar session_token: likewise, where the credentials are temporary.
    :ivar ca_file: certificates that may have signed the store's, instead of those that everybody trusts. That it is
        verified cannot be turned off.
    """

    bucket: str
    prefix: str
    endpoint: str | None = None
    region: str = "us-east-1"
    path_style: bool = False
    access_key: Secret | None = None
    secret_key: Secret | None = None
    session_token: Secret | None = None
    ca_file: Path | None = None

    @property
    def url(self) -> str:
        """What :func:`parse_url` was given."""
        return f"s3://{self.bucket}/{self.prefix}" if self.prefix else f"s3://{self.bucket}"


def parse_url(url: str) -> tuple[str, str]:
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
