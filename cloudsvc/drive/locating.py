"""Location of folders by their ids, and what users have stored, for whoever decides what is granted to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from cloudsvc.drive.catalogue import Catalogue, Location
from cloudsvc.drive.nodes import NodeId


@frozen
class Locator:
    """
    Tells where folders are, on behalf of nobody: what it says is for decisions, and not to be passed on. What somebody
    may know of it tells :meth:`cloudsvc.drive.drive.Drive.tell_paths`. It knows how much users have stored, too.
    """

    _catalogue: Catalogue

    async def locate(self, folders: Collection[NodeId]) -> Mapping[NodeId, Location]:
        """As :meth:`cloudsvc.drive.catalogue.Tree.locate`."""
        return await self._catalogue.locate(folders)

    async def count_paid_bytes(self, names: Collection[str]) -> Mapping[str, int]:
        """As :meth:`cloudsvc.drive.catalogue.Holdings.count_paid_bytes`."""
        return await self._catalogue.count_paid_bytes(names)
