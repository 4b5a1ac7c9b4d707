"""Advice on the option that a refused command lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cloudsvc.administration.faults import (
    BackupExistsError,
    DriveNotEmptyError,
    ExportExistsError,
    MetadataMissingError,
)
from cloudsvc.core.errors import OperatorError

_ADVICE: Final[Mapping[type[OperatorError], str]] = {
    BackupExistsError: "name another file, or say --replace",
    DriveNotEmptyError: "--replace keeps them aside, and puts those of the backup there",
    ExportExistsError: "--resume completes it or brings it up to date",
    MetadataMissingError: "correct it, or say --plain to take it as a file like any other",
}


def advise(fault: OperatorError) -> OperatorError:
    """``fault``, with the option that helps where there is one."""
    advice = _ADVICE.get(type(fault))
    return fault if advice is None else OperatorError(f"{line}; {advice}" for line in fault.lines)
