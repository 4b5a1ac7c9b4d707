"""Real drives, open for administration."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from cloudsvc.administration.tree import walk
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import BlobId, File, Instant
from cloudsvc.storage.opened import OpenedDrive
from cloudsvc.storage.opening import open_drive
from cloudsvc.storage.resources import Resources, open_resources
from tests.support.blobs import read_all
from tests.support.opened_drives import GENEROUS, see_from_tomorrow

NAMES = ("plain.txt", "folder/100%.txt", "folder/deep/ünï 🎉", 'quo"te', "back\\slash", "folder/.hidden", "empty")

FILES: Mapping[str, bytes] = {name: name.encode() * 1000 for name in NAMES} | {"empty": b""}


@asynccontextmanager
async def open_tools() -> AsyncIterator[Resources]:
    """Threads and clocks, gone at the end."""
    from twisted.internet import reactor  # noqa: PLC0415 - installed by then

    with open_resources(reactor) as resources:  # type: ignore[arg-type]  # the module stands for the reactor
        yield resources


@asynccontextmanager
async def opened(directory: Path, limits: Limits = GENEROUS) -> AsyncIterator[OpenedDrive]:
    """The drive in ``directory``, where what is orphaned is seen to be so at once."""
    async with open_tools() as resources, open_drive(directory, limits, resources) as drive:
        drive.collection.now = see_from_tomorrow
        yield drive


async def store(drive: OpenedDrive, path: str, content: bytes, *tags: str, modified_at: Instant | None = None) -> File:
    """Store a file."""
    async with drive.drive.receive(OWNER, parse_path(path), length=len(content)) as upload:
        await upload.write(content)
        await upload.finish(modified_at=modified_at)
    return await drive.drive.edit_file(OWNER, parse_path(path), add=tags)


async def fill(drive: OpenedDrive, files: Mapping[str, bytes] = FILES) -> None:
    """Store several."""
    for path, content in files.items():
        await store(drive, path, content)


async def load(drive: OpenedDrive, path: str) -> bytes:
    """The content of a file."""
    found = await drive.drive.open_file(OWNER, parse_path(path))
    try:
        return await read_all(found.reader)
    finally:
        await found.reader.close()


async def find(drive: OpenedDrive, path: str) -> File:
    """A file."""
    return await drive.drive.find_file(OWNER, parse_path(path))


async def load_all(drive: OpenedDrive) -> dict[str, bytes]:
    """All current files."""
    return {
        str(node.path): await load(drive, str(node.path))
        async for _, nodes in walk(drive.catalogue)
        for node in nodes
        if isinstance(node, File)
    }


def read_files(directory: Path) -> dict[str, bytes]:
    """All plain files below ``directory``, but not what an export keeps besides."""
    return {
        place.relative_to(directory).as_posix(): place.read_bytes()
        for place in directory.rglob("*")
        if place.is_file() and place != directory / "metadata.json"
    }


def find_blob(directory: Path, blob: BlobId) -> Path:
    """The file of a blob."""
    return directory / "blobs" / blob[:2] / blob


def find_content(directory: Path, content: bytes) -> Path:
    """The file of the blob with ``content``."""
    [place] = (
        place
        for place in (directory / "blobs").rglob("*")
        if place.is_file() and hashlib.sha256(place.read_bytes()).digest() == hashlib.sha256(content).digest()
    )
    return place


def damage(place: Path, how: str) -> None:
    """Flip a bit of a file, cut it off, make it longer, take it away, or let nobody read it."""
    if how in {"missing", "unreadable"}:
        place.unlink()
        if how == "unreadable":
            # Not even the administrator can follow it.
            place.symlink_to(place)
        return
    place.chmod(0o600)
    content = bytearray(place.read_bytes())
    if how == "flipped":
        content[len(content) // 2] ^= 1
    elif how == "cut":
        del content[-1]
    else:
        content.append(0)
    place.write_bytes(content)


DAMAGES = ("flipped", "cut", "longer", "missing")
