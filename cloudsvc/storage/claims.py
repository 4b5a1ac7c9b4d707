"""
Claims: a catalogue and the blobs to which it refers belong to one installation, and each says to which.

A catalogue that is used with the blobs of another installation would miss its own, and put those that it finds into
quarantine, for it knows none of them. So nothing is opened where the two differ.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.blobs import holds_blobs
from cloudsvc.storage.blobs.marker import NAME, make_installation, make_marker, read_marker
from cloudsvc.storage.catalogue.identity import Identity


class Claimable(Protocol):
    """A catalogue that can say to whom it belongs."""

    async def identify(self) -> Identity:
        """What it says."""
        ...

    async def claim(self, installation: str) -> Identity:
        """Let it belong to ``installation``, unless it belongs to one already; what it says then."""
        ...


async def claim_home(catalogue: Claimable, directory: Path, disk: ThreadRunner) -> None:
    """
    See that a catalogue in ``directory`` and the blobs beside it belong together. Those of an older program do.

    :raises OperatorError: they do not.
    """
    identity = await catalogue.identify()
    marker = await _read(directory, disk)
    if identity.installation and marker is None and identity.knows_blobs:
        place = f"the files of this drive are not in {directory}, but where blobs.url said"
        raise OperatorError(
            [f"{place}: set it again; or, if only {NAME} was lost there, write {identity.installation} into it"]
        )
    if not identity.installation:
        # What is beside the catalogue comes first: killed in between, the next one finds it, and nobody else can.
        marker = marker or await _make(directory, make_installation(), disk)
        identity = await catalogue.claim(marker)
    _compare(identity.installation, marker or await _make(directory, identity.installation, disk), directory)


async def claim_directory(catalogue: Claimable, directory: Path, disk: ThreadRunner) -> None:
    """
    See that a catalogue that is elsewhere and the blobs in ``directory`` belong together.

    :raises OperatorError: they do not.
    """
    before, marker = await catalogue.identify(), await _read(directory, disk)
    if marker is None and (before.knows_blobs or await disk.run(holds_blobs, directory)):
        raise OperatorError(
            [f"the blobs in {directory} are not those of this database: name the right one in database.url"]
        )
    identity = await claim(catalogue)
    _compare(identity.installation, marker or await _make(directory, identity.installation, disk), directory)


async def claim_blobs(directory: Path, owner: str, disk: ThreadRunner) -> str:
    """
    To whom the blobs in ``directory`` belong from now on.

    :param owner: of the catalogue; empty where there is none.
    :raises OperatorError: they belong to somebody else.
    """
    installation = await _read(directory, disk) or await _make(directory, owner or make_installation(), disk)
    _compare(owner or installation, installation, directory)
    return installation


async def claim(catalogue: Claimable) -> Identity:
    """What a catalogue says of itself, once it belongs to somebody."""
    identity = await catalogue.identify()
    return identity if identity.installation else await catalogue.claim(make_installation())


async def _read(directory: Path, disk: ThreadRunner) -> str | None:
    try:
        return await disk.run(read_marker, directory)
    except ValueError as problem:
        raise OperatorError([f"{problem}; bring it back from a backup"]) from None


async def _make(directory: Path, installation: str, disk: ThreadRunner) -> str:
    try:
        return await disk.run(make_marker, directory, installation)
    except ValueError as problem:
        raise OperatorError([f"{problem}; bring it back from a backup"]) from None


def _compare(owner: str, marker: str, directory: Path) -> None:
    if owner != marker:
        owners = f"the blobs in {directory} belong to installation {marker}, and the catalogue to {owner}"
        raise OperatorError([f"{owners}: set database.url and blobs.url as they were, or use an empty directory"])
