"""Walk over the folders of a drive, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from cloudsvc.core.actors import OWNER
from cloudsvc.drive.catalogue import Tree
from cloudsvc.drive.names import ROOT, DrivePath
from cloudsvc.drive.nodes import Folder, Node

_PAGE: Final = 500


async def walk(catalogue: Tree, top: DrivePath = ROOT) -> AsyncIterator[tuple[DrivePath, Sequence[Node]]]:
    """
    Each folder from ``top`` down, with what is directly in it. A folder with much in it comes several times in a row.

    :raises CloudError: there is no such folder, or the storage fails.
    """
    pending = [top]
    while pending:
        folder, cursor = pending.pop(), None
        while True:
            page = await catalogue.list_children(OWNER, folder, _PAGE, cursor)
            yield folder, page.items
            pending += [node.path for node in page.items if isinstance(node, Folder)]
            cursor = page.cursor
            if cursor is None:
                break
