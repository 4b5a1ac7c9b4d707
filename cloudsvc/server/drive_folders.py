"""Folders of the drive, as whoever grants roles on them knows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.locating import Locator
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Folder, NodeId
from cloudsvc.identity.folders import Place, Target
from cloudsvc.identity.grants import Chains


@frozen(kw_only=True)
class DriveFolders:
    """See :class:`cloudsvc.identity.folders.Folders`."""

    _drive: Drive
    _locator: Locator

    async def find(self, actor: Actor, path: str) -> int:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        return (await self._drive.find_folder(actor, parse_path(path))).id

    async def find_node(self, actor: Actor, path: str) -> Target:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        node = await self._drive.find(actor, parse_path(path))
        return Target(id=node.id, is_folder=isinstance(node, Folder))

    async def find_place(self, node: int) -> Place | None:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        found = (await self._locator.locate([NodeId(node)])).get(NodeId(node))
        return None if found is None else Place(chain=found.chain, path=str(found.path))

    async def locate(self, folders: Collection[int]) -> Chains:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        found = await self._locator.locate([NodeId(each) for each in folders])
        return {folder: location.chain for folder, location in found.items()}

    async def tell_paths(self, actor: Actor, folders: Collection[int]) -> Mapping[int, str]:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        found = await self._drive.tell_paths(actor, [NodeId(each) for each in folders])
        return {folder: str(path) for folder, path in found.items()}

    async def count_bytes(self, users: Collection[str]) -> Mapping[str, int]:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        return await self._locator.count_paid_bytes(users)
