"""States of affairs that whoever asks may have wanted: what to say then, each way in spells for itself."""

from __future__ import annotations

from cloudsvc.core.errors import StartFault


class BackupExists(StartFault):
    """A file is where a backup should be written."""


class DriveNotEmpty(StartFault):
    """A drive that should become what a backup holds has files."""


class ExportExists(StartFault):
    """A directory holds an earlier export, complete or not."""


class NoMetadata(StartFault):
    """A file of the name holds no tags and dates."""
