"""Drive settings: the section ``storage_config``, for whoever opens the drive and for its HTTP API."""

from __future__ import annotations

from typing import Annotated, Final

from attrs import frozen
from msgspec import Meta

from cloudsvc.drive.limits import Limits

_KIB: Final = 2**10
_MIB: Final = 2**20
_GIB: Final = 2**30
_DAY: Final = 24 * 3600


@frozen(kw_only=True)
class StorageSettings:
    """How much is kept, and for how long. KB, MB and GB are 2^10, 2^20 and 2^30 bytes."""

    capacity_gb: Annotated[
        float, Meta(gt=0, le=2**30, description="What all files, versions and the trash may take on disk.")
    ] = 20
    upload_chunk_size_kb: Annotated[
        int,
        Meta(
            ge=1,
            le=1024,
            description="Of an upload, so much arrives before it counts as stored, and room is looked for. Whatever it "
            "is, the memory holds, and the disk gets, pieces of 1 MiB.",
        ),
    ] = 8
    max_file_size_mb: Annotated[float, Meta(gt=0, le=2**30, description="Of one file.")] = 100
    max_tags_per_file: Annotated[int, Meta(ge=0, le=1000, description="How many tags a file may have.")] = 10
    max_tag_length: Annotated[int, Meta(ge=1, le=1000, description="In characters.")] = 50
    thumbnail_size: Annotated[
        int, Meta(ge=16, le=2000, description="Of the longer side of a thumbnail, in pixels.")
    ] = 200
    versions_per_file: Annotated[
        int, Meta(ge=1, le=10_000, description="How many versions of a file are kept, the current one included.")
    ] = 10
    versions_days: Annotated[
        float, Meta(ge=0, le=100_000, description="How long a version is kept after a newer one has replaced it.")
    ] = 90
    trash_days: Annotated[float, Meta(ge=0, le=100_000, description="How long the trash is kept.")] = 30

    @property
    def limits(self) -> Limits:
        """The same in the terms of the drive."""
        return Limits(
            capacity=int(self.capacity_gb * _GIB),
            file_bytes=int(self.max_file_size_mb * _MIB),
            upload_step=self.upload_chunk_size_kb * _KIB,
            tags=self.max_tags_per_file,
            tag_length=self.max_tag_length,
            versions=self.versions_per_file,
            version_seconds=int(self.versions_days * _DAY),
            trash_seconds=int(self.trash_days * _DAY),
        )
