"""Storage limits of the drive."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class Limits:
    """
    What an administrator allows.

    :ivar capacity: bytes that all blobs together may take.
    :ivar file_bytes: bytes of one file.
    :ivar upload_step: bytes of an upload that arrive before they are counted, and room is looked for.
    :ivar tags: tags of one file.
    :ivar tag_length: characters of one tag.
    :ivar versions: versions of one file, the current one included.
    :ivar version_seconds: how long a superseded version is kept.
    :ivar trash_seconds: how long the trash is kept.
    """

    capacity: int
    file_bytes: int
    upload_step: int
    tags: int
    tag_length: int
    versions: int
    version_seconds: int
    trash_seconds: int
