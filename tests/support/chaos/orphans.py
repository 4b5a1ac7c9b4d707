"""
Orphaned blobs of a drive in the end: ``python -m tests.support.chaos.orphans HOME`` puts them in quarantine.

It works two days later, when nothing that the catalogue does not know can still become known to it. It says how many
there were, and how many are left.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from attrs import evolve

from cloudsvc.administration.progress import Progress
from cloudsvc.cli.drive.sessions import administer
from cloudsvc.settings.home import Home
from cloudsvc.storage.opened import OpenedDrive

_LATER: Final = 2 * 24 * 3600 * 1_000_000


async def _quarantine(opened: OpenedDrive, _progress: Progress) -> dict[str, int]:
    now = opened.collection.now
    collection = evolve(opened.collection, now=lambda: now() + _LATER)
    await collection.collect()
    found = await collection.quarantine_orphans()
    left = 0
    async for bundle in opened.blobs.list(now() + _LATER):
        left += len(await opened.catalogue.find_unknown(bundle))
    return {"found": found, "left": left}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(administer(Home(root=Path(sys.argv[1])), _quarantine)) + "\n")
