"""Walk over all blobs of a catalogue, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from cloudsvc.drive.catalogue import Inventory
from cloudsvc.drive.nodes import Blob

_PAGE: Final = 500


async def list_blobs(catalogue: Inventory) -> AsyncIterator[Sequence[Blob]]:
    """
    All blobs that are referred to, by id, some at a time.

    :raises CloudError: the storage fails.
    """
    cursor = None
    while True:
        page = await catalogue.list_blobs(_PAGE, cursor)
        yield page.items
        cursor = page.cursor
        if cursor is None:
            break
