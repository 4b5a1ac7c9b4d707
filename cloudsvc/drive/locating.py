"""Location of folders by their ids, for whoever decides what is granted on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from cloudsvc.drive.catalogue import Location, Tree
from cloudsvc.drive.nodes import NodeId


@frozen
class Locator:
    """
    Tells where folders are, on behalf of nobody: what it says is for decisions, and not to be passed on. What somebody
    may know of it tells :meth:`cloudsvc.drive.drive.Drive.tell_paths`.
    """

    _catalogue: Tree

    async def locate(self, folders: Collection[NodeId]) -> Mapping[NodeId, Location]:
        """As :meth:`cloudsvc.drive.catalogue.Tree.locate`."""
        return await self._catalogue.locate(folders)
