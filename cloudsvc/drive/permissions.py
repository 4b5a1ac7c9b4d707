"""
Permissions: the one table of roles and rights, and what an actor's grants come to.

A right is evaluated by a *chain*: the ids of the nodes from the root down to the one that is asked for. Whoever looks
up a path has its chain; an entry of the trash and a change remember the one of their moment. A grant anywhere in the
chain counts, and grants add up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum, auto
from typing import Final

from cloudsvc.core.actors import ROOT_FOLDER, Actor, Role


class Right(Enum):
    """What one may do with something at a path."""

    SEE = auto()
    """Know that it is there, and read it with its versions and its history."""
    CREATE = auto()
    """Make it where nothing is that the actor sees."""
    CHANGE = auto()
    """Give it another content, other tags or dates."""
    DISCARD = auto()
    """
    Take it out of its folder, by the trash or by a move, and take it out of the trash again. It is the folder's right:
    who is granted a folder alone can empty it, and not take it away.
    """
    PURGE = auto()
    """Remove it from the trash for good."""
    SHARE = auto()
    """Grant it to others, and say how much it may hold."""


_ALL: Final = frozenset(Right)
_VIEWING: Final = frozenset({Right.SEE})
_EDITING: Final = _VIEWING | {Right.CREATE, Right.CHANGE, Right.DISCARD}

RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.VIEWER: _VIEWING,
    Role.UPLOADER: frozenset({Right.CREATE}),
    Role.EDITOR: _EDITING,
    Role.MANAGER: _EDITING | {Right.PURGE, Right.SHARE},
}
"""The rights of each role. Nothing else knows what a role may do."""


def find_folders(actor: Actor, right: Right) -> frozenset[int]:
    """The ids of the folders on which ``actor`` is granted ``right``, be they in the trash or purged."""
    return frozenset(grant.folder for grant in actor.grants if right in RIGHTS[grant.role])


def is_permitted(actor: Actor, right: Right, chain: Sequence[int]) -> bool:
    """Whether ``actor`` has ``right`` on what is at the end of ``chain``, of which nothing is in the trash."""
    return holds_any(right, chain, find_folders(actor, right))


def holds_any(right: Right, chain: Sequence[int], folders: Collection[int]) -> bool:
    """Whether ``right`` on ``folders`` gives that right on what is at the end of ``chain``."""
    # The root is in no folder.
    by = chain[:-1] or chain if right is Right.DISCARD else chain
    return any(folder in folders for folder in by)


def is_unlimited(actor: Actor) -> bool:
    """Whether ``actor`` has all rights on the root, and so on everything; nothing has to be looked up then."""
    return any(grant.folder == ROOT_FOLDER and RIGHTS[grant.role] == _ALL for grant in actor.grants)


def is_permitted_everywhere(actor: Actor, right: Right) -> bool:
    """Whether ``actor`` has ``right`` on the root, and so on everything; nothing has to be looked up then."""
    return any(grant.folder == ROOT_FOLDER and right in RIGHTS[grant.role] for grant in actor.grants)
