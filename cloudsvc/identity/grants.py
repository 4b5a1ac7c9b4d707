"""
Grants in common: what a key may do of what its holder may.

A role on a folder holds for all that is below it. So two grants have something in common where one of the folders is at
or below the other: there, on the lower folder, what both roles allow. Each two roles allow together what another role
does, or nothing, so that the result is grants again. Which folder is below which says its *chain*: the ids of the
folders from the root down to itself.

It holds for the tree of the moment at which it is evaluated. What happened to a folder before it was moved to where a
grant of its holder is, its key may see by its own grant: the changes and the trash of that time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from cloudsvc.core.actors import ROOT_FOLDER, Grant, Role

Chains: TypeAlias = Mapping[int, Sequence[int]]
"""
Folders with their chains, each from the root down to the folder itself. Those in the trash and those that are not any
more are left out: what is granted on them sleeps, or has ended.
"""

_INCLUDED: Final[Mapping[Role, frozenset[Role]]] = {
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.UPLOADER: frozenset({Role.UPLOADER}),
    Role.EDITOR: frozenset({Role.VIEWER, Role.UPLOADER, Role.EDITOR}),
    Role.MANAGER: frozenset(Role),
}
"""The roles that each role includes. A test compares it with the table of rights (``cloudsvc.drive.permissions``)."""

_WEIGHT: Final = {Role.VIEWER: 0, Role.UPLOADER: 1, Role.EDITOR: 2, Role.MANAGER: 3}


def meet_roles(first: Role, second: Role) -> Role | None:
    """The role of what both allow; ``None`` where that is nothing."""
    common = _INCLUDED[first] & _INCLUDED[second]
    return max(common, key=_WEIGHT.__getitem__, default=None)


def tidy(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """``grants`` sorted by their folders, without those that another one on the same folder includes."""
    found: dict[int, dict[Role, Grant]] = {}
    for grant in grants:
        found.setdefault(grant.folder, {})[grant.role] = grant
    tidied: list[Grant] = []
    for folder in sorted(found):
        roles = found[folder]
        if len(roles) == 1:
            tidied += roles.values()
            continue
        kept = (role for role in roles if not any(role in _INCLUDED[other] for other in roles.keys() - {role}))
        tidied += (roles[role] for role in sorted(kept, key=_WEIGHT.__getitem__))
    return tuple(tidied)


def find_folders(first: Iterable[Grant], second: Iterable[Grant]) -> frozenset[int]:
    """The folders whose chains :func:`meet_grants` has to know; none where all of one are on the root."""
    sides = [frozenset(grant.folder for grant in grants) - {ROOT_FOLDER} for grants in (first, second)]
    return frozenset.union(*sides) if all(sides) else frozenset()


def meet_grants(first: Collection[Grant], second: Collection[Grant], chains: Chains) -> tuple[Grant, ...]:
    """
    What ``first`` and ``second`` have in common, sorted.

    :param chains: of :func:`find_folders`, as far as they are in the tree.
    """
    return tidy([*_meet_below(first, second, chains), *_meet_below(second, first, chains)])


def is_included(grant: Grant, held: Iterable[Grant], chains: Chains) -> bool:
    """
    Whether whoever has the grants ``held`` has all that ``grant`` gives.

    :param chains: of the folder of ``grant``, if it is in the tree.
    """
    above = {grant.folder, ROOT_FOLDER, *chains.get(grant.folder, ())}
    return any(grant.role in _INCLUDED[each.role] for each in held if each.folder in above)


def _meet_below(lower: Iterable[Grant], upper: Iterable[Grant], chains: Chains) -> Iterator[Grant]:
    """What grants have in common with those on the same folders or on folders above."""
    roles: dict[int, list[Role]] = {}
    for grant in upper:
        roles.setdefault(grant.folder, []).append(grant.role)
    for grant in lower:
        for folder in {grant.folder, ROOT_FOLDER, *chains.get(grant.folder, ())}:
            for other in roles.get(folder, ()):
                if (role := meet_roles(grant.role, other)) is not None:
                    yield Grant(role=role, folder=grant.folder)
