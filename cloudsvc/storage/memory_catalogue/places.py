"""
Places of the tree: where something new goes.

What is made where the actor sees nothing goes beside what is there, under a name with a number, and the answer speaks
of the path that was asked for: no refusal tells that a name is taken.
"""

from __future__ import annotations

import secrets
from collections import Counter

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.drive.commands import touch_file
from cloudsvc.drive.errors import is_file, is_folder, root_immutable
from cloudsvc.drive.names import DrivePath, Name, add_suffix
from cloudsvc.drive.nodes import File, TrashId
from cloudsvc.storage.memory_catalogue.authorisation import Authorisation
from cloudsvc.storage.memory_catalogue.sight import Trail, find_trail
from cloudsvc.storage.memory_catalogue.tables import Tables

_LAST_NUMBER = 9
"""Up to which names are numbered; after that come random ones."""

_RANDOM_BYTES = 8


@frozen(kw_only=True)
class Way:
    """
    How far there is something on the way to a place.

    :ivar told: the path of which the answer speaks, where the actor does not see what is there, and so nothing is at
        the place.
    """

    trail: Trail
    told: DrivePath | None = None


def find_way(authorisation: Authorisation, path: DrivePath, touched: DrivePath | TrashId) -> Way:
    """
    The way to a place for something at ``path``.

    :param touched: what the command calls the path.
    :raises CloudError: a file is where a folder should be, it is the root that is asked for, or the actor may make
        nothing there, or not change what is there.
    """
    if not path:
        raise root_immutable()
    trail = find_trail(authorisation.tables, path)
    authorisation.check_place(touched, path, trail.ids)
    if not authorisation.sees(trail.ids):
        if _is_obstructed(trail):
            authorisation.check_place(touched, path, trail.ids[:-1])
        return Way(trail=_find_free(authorisation, trail), told=_tell(authorisation, trail))
    if trail.found is not None:
        authorisation.check_taken(touched, path, trail.ids)
    elif trail.entries[-1].is_file:
        raise is_file(trail.kept)
    return Way(trail=trail)


def check_place(tables: Tables, actor: Actor, path: DrivePath, *, replace: bool) -> tuple[File | None, tuple[int, ...]]:
    """
    The file at ``path`` whose place another one would take, if the actor sees any, and the nodes on the way.

    :raises CloudError: none can be stored there by this actor.
    """
    authorisation = Authorisation(tables=tables, actor=actor, touches=lambda: touch_file(path, replace=replace))
    trail = find_way(authorisation, path, path).trail
    if trail.found is None:
        return None, trail.ids
    if not trail.found.is_file:
        raise is_folder(trail.kept)
    return tables.make_file(trail.found, trail.kept), trail.ids


def _is_obstructed(trail: Trail) -> bool:
    """Whether something is at the path, or a file is where a folder should be."""
    return trail.found is not None or trail.entries[-1].is_file


def _tell(authorisation: Authorisation, trail: Trail) -> DrivePath:
    """The path as it would be told if nothing of it were there that the actor does not see."""
    depth = max((depth for depth in range(len(trail.entries)) if authorisation.sees(trail.ids[: depth + 1])), default=0)
    return DrivePath((*trail.kept.names[:depth], *trail.path.names[depth:]))


def _find_free(authorisation: Authorisation, trail: Trail) -> Trail:
    """The way to a path like that of ``trail`` where nothing is, with other names for those that are in the way."""
    asked, names = trail.path.names, [*trail.path.names]
    tries: Counter[int] = Counter()
    while (position := _find_obstacle(authorisation, trail, tries)) is not None:
        names[position] = _number(asked[position], tries[position])
        tries[position] += 1
        trail = find_trail(authorisation.tables, DrivePath(tuple(names)))
    return trail


def _find_obstacle(authorisation: Authorisation, trail: Trail, renamed: Counter[int]) -> int | None:
    """
    Which name has to be another one, if any. What is seen under a name that was not asked for is in the way too, and so
    is a folder with a quota of which the actor knows nothing.
    """
    for depth, node in enumerate(trail.ids):
        if node in authorisation.tables.quotas and authorisation.hides(trail.ids, depth):
            return depth - 1
    if _is_obstructed(trail):
        return len(trail.entries) - 2
    there = (position for position in renamed if position + 2 <= len(trail.entries))
    return next((position for position in there if authorisation.sees(trail.ids[: position + 2])), None)


def _number(name: Name, tries: int) -> Name:
    number = tries + 2
    return add_suffix(name, str(number) if number <= _LAST_NUMBER else secrets.token_hex(_RANDOM_BYTES))
