"""Settings of an object store: which bucket, where, with which credentials."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from cloudsvc.core.secrets import Secret


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
        """What :func:`cloudsvc.core.bucket_urls.parse_bucket_url` was given."""
        return f"s3://{self.bucket}/{self.prefix}" if self.prefix else f"s3://{self.bucket}"
