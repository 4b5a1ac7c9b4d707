"""Interface of the folders on which roles are granted, and of what is in them: all that is known of the drive here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.identity.grants import Chains


@frozen(kw_only=True)
class Target:
    """
    A file or folder.

    :ivar id: of its node, which it keeps wherever it is moved.
    """

    id: int
    is_folder: bool


@frozen(kw_only=True)
class Place:
    """
    Where a file or folder is.

    :ivar chain: the ids of the nodes from the root down to itself.
    """

    chain: Sequence[int]
    path: str


class Folders(Protocol):
    """The folders of the drive."""

    async def find(self, actor: Actor, path: str) -> int:
        """
        The id of the folder at ``path``.

        :raises CloudError: there is none that the actor sees.
        """
        ...

    async def find_node(self, actor: Actor, path: str) -> Target:
        """
        What is at ``path``.

        :raises CloudError: there is nothing that the actor sees.
        """
        ...

    async def find_place(self, node: int) -> Place | None:
        """
        Where a file or folder is, if it is in the tree. It is asked for nobody.

        :raises CloudError: the drive fails.
        """
        ...

    async def locate(self, folders: Collection[int]) -> Chains:
        """
        Where ``folders`` are, of those that are in the tree, in one step. It is asked for nobody.

        :raises CloudError: the drive fails.
        """
        ...

    async def tell_paths(self, actor: Actor, folders: Collection[int]) -> Mapping[int, str]:
        """The paths of those of ``folders`` into which ``actor`` may look."""
        ...

    async def count_bytes(self, users: Collection[str]) -> Mapping[str, int]:
        """
        The bytes that users have stored, by their names, of whom each is in the answer. It is asked for nobody.

        :raises CloudError: the drive fails.
        """
        ...
