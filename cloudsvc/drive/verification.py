"""Whether stored bytes are still what they were when they came."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobReader
from cloudsvc.drive.nodes import Blob

_PIECE: Final = 1024 * 1024


class Damage(StrEnum):
    """What can have happened to a blob; each reads as what to say of its bytes."""

    MISSING = "missing"
    SIZE = "of another size"
    CONTENT = "altered"
    UNREADABLE = "unreadable"


async def verify_blob(reader: BlobReader, blob: Blob, threads: ThreadRunner) -> Damage | None:
    """
    Read a whole blob again and compare size and SHA-256; ``None`` is no damage.

    What cannot be read is damaged too: whoever verifies many goes on with the next.

    :param threads: where the hash is computed.
    """
    if reader.size != blob.size:
        return Damage.SIZE
    digest = hashlib.sha256()
    try:
        for offset in range(0, blob.size, _PIECE):
            await threads.run(digest.update, await reader.read(offset, _PIECE))
    except CloudError as problem:
        if problem.kind is Kind.UNAVAILABLE:
            return Damage.UNREADABLE
        raise
    return None if digest.digest() == blob.digest else Damage.CONTENT
