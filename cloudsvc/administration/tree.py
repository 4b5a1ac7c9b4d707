"""Everything in a drive, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from cloudsvc.drive.catalogue import Inventory, Tree
from cloudsvc.drive.names import ROOT, Path
from cloudsvc.drive.nodes import Blob, Folder, Node

_PAGE: Final = 500


async def walk(catalogue: Tree, top: Path = ROOT) -> AsyncIterator[tuple[Path, Sequence[Node]]]:
    """
    Each folder from ``top`` down, with what is directly in it. A folder with much in it comes several times in a row.

    :raises CloudError: there is no such folder, or the storage fails.
    """
    pending = [top]
    while pending:
        folder, cursor = pending.pop(), None
        while True:
            page = await catalogue.list_children(folder, _PAGE, cursor)
            yield folder, page.items
            pending += [node.path for node in page.items if isinstance(node, Folder)]
            cursor = page.cursor
            if cursor is None:
                break


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
