"""Inspection of a drive that is opened again: its contents, and whether they agree with themselves."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import frozen

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.names import ROOT, DrivePath
from cloudsvc.drive.nodes import BlobId, File, Node
from cloudsvc.storage.local import CATALOGUE_NAME
from tests.support.durability.model import FOLDER, Note, Tree
from tests.support.durability.workload import make_suspended
from tests.support.opened_drives import OpenDrive

_RULES = {
    "PRAGMA integrity_check": [("ok",)],
    "PRAGMA foreign_key_check": [],
    "SELECT id, refs FROM blob WHERE refs != (SELECT count(*) FROM version WHERE version.blob = blob.id)": [],
    "SELECT id FROM blob WHERE marked != 0 AND refs != 0": [],
    "SELECT stored_bytes - (SELECT coalesce(sum(size), 0) FROM blob) FROM state": [(0,)],
    """
    SELECT owner FROM account WHERE stored_bytes != (
        SELECT coalesce(sum(blob.size), 0) FROM version JOIN blob ON blob.id = version.blob
        WHERE version.account = owner
    )
    """: [],
    """
    SELECT node.id FROM node LEFT JOIN version ON version.id = node.version AND version.node = node.id
    LEFT JOIN blob ON blob.id = version.blob
    WHERE node.kind = 1 AND (blob.size IS NOT node.size OR version.superseded_at IS NOT NULL)
    """: [],
    "SELECT id FROM version WHERE superseded_at IS NULL AND id NOT IN (SELECT version FROM node WHERE kind = 1)": [],
    "SELECT number FROM change GROUP BY number HAVING count(*) != 1": [],
}
"""Questions to the catalogue, and what they are answered."""


@frozen(kw_only=True)
class Found:
    """
    A drive as it is found.

    :ivar changes: all of them, in order, each with its number.
    :ivar suspended: how many bytes of each blob that is not sealed are durable.
    :ivar problems: what should not be, in words.
    """

    tree: Tree
    changes: list[tuple[int, Note]]
    epoch: str
    suspended: dict[str, int]
    problems: list[str]


async def inspect(opened: OpenDrive, directory: Path) -> Found:
    """Look at everything in a drive that was just opened, and clean up."""
    problems = [f"{path} is left of an upload" for path in _list_files(directory / "incoming")]
    problems += find_problems(directory)
    tree = {str(node.path): await _read(opened, node) async for node in _walk(opened, ROOT)}
    await opened.collection.collect()
    await opened.collection.quarantine_orphans()
    problems += find_problems(directory)
    # Not one in quarantine may be needed either.
    await opened.storage.blobs.purge_quarantine(2**62)
    problems += find_problems(directory)
    problems += find_orphans(directory)
    suspended = _measure_suspended(directory / "suspended")
    problems += [
        f"bytes of {blob} were durable, and they are not the same" for blob, size in suspended.items() if size < 0
    ]
    changes = await opened.drive.read_changes(opened.actor, 0, 1_000_000)
    notes: list[tuple[int, Note]] = [
        (change.number, [change.kind.value, str(change.path), str(change.source) if change.source else None])
        for change in changes.items
    ]
    return Found(tree=tree, changes=notes, epoch=changes.epoch, suspended=suspended, problems=problems)


def _measure_suspended(directory: Path) -> dict[str, int]:
    """How many bytes of each blob that is not sealed are durable; fewer than none where they are others."""
    found: dict[str, int] = {}
    for file in directory.iterdir():
        blob, _, size = file.name.partition(".")
        whole = file.read_bytes()[: int(size)] == make_suspended(BlobId(blob), int(size))
        found[blob] = int(size) if whole else -1
    return found


def find_problems(directory: Path) -> Iterator[str]:
    """What the catalogue of a drive says that is not so."""
    with closing(sqlite3.connect(directory / CATALOGUE_NAME)) as connection:
        for question, right in _RULES.items():
            answer: list[Any] = connection.execute(question).fetchall()
            if answer != right:
                yield f"{' '.join(question.split())} is answered {answer}"
        for blob, digest, size in connection.execute("SELECT id, digest, size FROM blob WHERE refs > 0").fetchall():
            file = directory / "blobs" / blob[:2] / blob
            content = file.read_bytes() if file.exists() else b""
            # Of one that was empty only the file tells that it is there.
            if not file.exists() or (hashlib.sha256(content).digest(), len(content)) != (digest, size):
                yield f"the blob {blob} of {size} bytes has {len(content)}, and they are not the same"


def find_orphans(directory: Path) -> Iterator[str]:
    """Files of a drive that nothing refers to."""
    files = [file for folder in ("blobs", "incoming") for file in _list_files(directory / folder)]
    with closing(sqlite3.connect(directory / CATALOGUE_NAME)) as connection:
        known = {blob for (blob,) in connection.execute("SELECT id FROM blob WHERE refs > 0")}
    return (f"nothing refers to {file}" for file in files if file.name not in known)


def _list_files(directory: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(directory):
        yield from (Path(folder, name) for name in names if name != "lock")


async def _walk(opened: OpenDrive, folder: DrivePath) -> AsyncIterator[Node]:
    for node in (await opened.drive.list_children(opened.actor, folder, 1000)).items:
        yield node
        if not isinstance(node, File):
            async for below in _walk(opened, node.path):
                yield below


async def _read(opened: OpenDrive, node: Node) -> str:
    if not isinstance(node, File):
        return FOLDER
    try:
        return hashlib.sha256(await opened.load(str(node.path))).hexdigest()
    except CloudError as problem:
        return problem.code
