"""Which option to give where a command cannot be carried out without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cloudsvc.administration.faults import BackupExists, DriveNotEmpty, ExportExists, NoMetadata
from cloudsvc.core.errors import StartFault

_ADVICE: Final[Mapping[type[StartFault], str]] = {
    BackupExists: "name another file, or say --replace",
    DriveNotEmpty: "--replace keeps them aside, and puts those of the backup there",
    ExportExists: "--resume completes it or brings it up to date",
    NoMetadata: "correct it, or say --plain to take it as a file like any other",
}


def advise(fault: StartFault) -> StartFault:
    """``fault``, with the option that helps where there is one."""
    advice = _ADVICE.get(type(fault))
    return fault if advice is None else StartFault(f"{line}; {advice}" for line in fault.lines)
