"""Engines of storage: where the catalogue and the blobs of a drive are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

from cloudsvc.core.secrets import Secret

if TYPE_CHECKING:
    # Its package imports what is an extra.
    from cloudsvc.storage.blobs.objects.settings import ObjectStoreSettings


@frozen(kw_only=True)
class Engines:
    """
    What keeps a drive. Without a word, that is SQLite and files, both in its directory.

    :ivar database: the URL of a PostgreSQL database for the catalogue.
    :ivar bucket: of an S3-compatible store for the blobs.
    """

    database: Secret | None = None
    bucket: ObjectStoreSettings | None = None

    @property
    def are_local(self) -> bool:
        """Whether everything is in the directory of the drive."""
        return self.database is None and self.bucket is None


LOCAL: Final = Engines()
"""Those of a home by itself."""
