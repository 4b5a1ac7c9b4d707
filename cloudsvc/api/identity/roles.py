"""Roles on folders, as responses tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from cloudsvc.extend import Actor, Grant, Role
from cloudsvc.extend.identity import Directory


@frozen(kw_only=True)
class GrantedRole:
    """
    A role on a folder.

    :ivar folder: The id of the folder, which it keeps wherever it is moved.
    :ivar path: Where it is now; `null` where the reader may not look into it, or where it is in the trash or gone.
    """

    folder: int
    path: str | None
    role: Role


@frozen(kw_only=True)
class Paths:
    """The paths of folders, as far as the reader may know them."""

    known: Mapping[int, str]

    @classmethod
    async def find(cls, directory: Directory, actor: Actor, grants: Iterable[Grant]) -> Paths:
        """Those of the folders of ``grants``."""
        return cls(known=await directory.tell_paths(actor, grants))

    def tell(self, grants: Sequence[Grant]) -> tuple[GrantedRole, ...]:
        """``grants`` as readers see them."""
        return tuple(
            GrantedRole(folder=grant.folder, path=self.known.get(grant.folder), role=grant.role) for grant in grants
        )
