"""Folders without a drive, for whoever asks where one is."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import define, field

from cloudsvc.core.actors import ROOT_FOLDER, Actor
from cloudsvc.drive.permissions import Right, is_permitted
from cloudsvc.identity.errors import folder_unknown
from cloudsvc.identity.folders import Place, Target
from cloudsvc.identity.grants import Chains


@define
class PlainFolders:
    """
    Some folders with their chains, by their paths.

    :ivar asked: how often somebody has asked where some are.
    :ivar stored: the bytes that users have stored, by their names.
    """

    chains: dict[str, tuple[int, ...]] = field(factory=lambda: {"": (ROOT_FOLDER,)})
    asked: int = 0
    stored: dict[str, int] = field(factory=dict)

    def make(self, path: str) -> int:
        """Make a folder in one that is there; its id."""
        number = 2 + len(self.chains)
        self.chains[path] = (*self.chains[path.rpartition("/")[0]], number)
        return number

    def move(self, path: str, into: str) -> None:
        """Put a folder without any in it into another one."""
        chain = self.chains.pop(path)
        self.chains[f"{into}/{path.rpartition('/')[2]}"] = (*self.chains[into], chain[-1])

    def discard(self, path: str) -> None:
        """Put a folder into the trash."""
        for each in [each for each in self.chains if each == path or each.startswith(f"{path}/")]:
            del self.chains[each]

    async def find(self, actor: Actor, path: str) -> int:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        chain = self.chains.get(path)
        if chain is None or not is_permitted(actor, Right.SEE, chain):
            raise folder_unknown()
        return chain[-1]

    async def find_node(self, actor: Actor, path: str) -> Target:
        """See :class:`cloudsvc.identity.folders.Folders`. What has a dot in its name is a file."""
        return Target(id=await self.find(actor, path), is_folder="." not in path)

    async def find_place(self, node: int) -> Place | None:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        found = (each for each in self.chains.items() if each[1][-1] == node)
        return next((Place(chain=chain, path=path) for path, chain in found), None)

    async def locate(self, folders: Collection[int]) -> Chains:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        self.asked += 1
        return {chain[-1]: chain for chain in self.chains.values() if chain[-1] in folders}

    async def tell_paths(self, actor: Actor, folders: Collection[int]) -> Mapping[int, str]:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        return {
            chain[-1]: path
            for path, chain in self.chains.items()
            if chain[-1] in folders and is_permitted(actor, Right.SEE, chain)
        }

    async def count_bytes(self, users: Collection[str]) -> Mapping[str, int]:
        """See :class:`cloudsvc.identity.folders.Folders`."""
        return {name: self.stored.get(name, 0) for name in users}
