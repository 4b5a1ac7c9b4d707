"""Refusals of administration that an option can override, with what to say then."""

from __future__ import annotations

from cloudsvc.core.errors import OperatorError


class BackupExistsError(OperatorError):
    """A file is where a backup should be written."""


class DriveNotEmptyError(OperatorError):
    """A drive that should become what a backup holds has files."""


class ExportExistsError(OperatorError):
    """A directory holds an earlier export, complete or not."""


class MetadataMissingError(OperatorError):
    """A file of the name holds no tags and dates."""
