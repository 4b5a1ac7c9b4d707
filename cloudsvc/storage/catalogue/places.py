"""
Places of the tree: what is at a path, and where something new goes.

Who may make files in a folder and sees nothing of it must not learn from a refusal that a name is taken. So what is
made there goes beside what it cannot see, under a name with a number, while the answer speaks of the path that was
asked for, which is what it would say if nothing were there.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import takewhile
from typing import Final, NamedTuple

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.drive.commands import touch_file
from cloudsvc.drive.errors import is_file, is_folder, root_immutable
from cloudsvc.drive.names import DrivePath, add_suffix
from cloudsvc.drive.nodes import File, TrashId
from cloudsvc.storage.catalogue.authorisation import Authorisation
from cloudsvc.storage.catalogue.nodes import Chain, Row, find_chain, make_file
from cloudsvc.storage.catalogue.surroundings import find_owners
from cloudsvc.storage.database.statements import Connection

_NUMBERS: Final = range(2, 10)
"""Which numbers names are given; after those come random ones, so that a name that is given often costs no more."""

_RANDOM_BYTES: Final = 8


class Located(NamedTuple):
    """
    What is at a path.

    :ivar path: with the names as they are kept.
    :ivar chain: the nodes from the root down to it.
    """

    row: Row
    path: DrivePath
    chain: tuple[int, ...]


@frozen(kw_only=True)
class Place:
    """
    Where something is to be.

    :ivar above: the nodes from the root down to the folder.
    :ivar path: the whole path, with the names as they are kept.
    :ivar told: the path of which the answer speaks; another one where the actor does not see what is there.
    :ivar taken: what is there already, if anything.
    """

    above: tuple[int, ...]
    path: DrivePath
    told: DrivePath
    taken: Row | None

    @property
    def folder(self) -> int:
        """The node of the folder."""
        return self.above[-1]

    def hold(self, row: Row) -> Located:
        """What ``row`` stands for, now that it is here."""
        return Located(row, self.path, (*self.above, row.id))


@frozen
class Way:
    """
    How far there is something on the way to a place.

    :ivar told: the path of which the answer speaks, where the actor does not see what is there, and so nothing is at
        the place: as names are kept as far as the actor sees, and as they were asked for from there on.
    """

    chain: Chain
    told: DrivePath | None = None


def find_way(
    connection: Connection, authorisation: Authorisation, path: DrivePath, touched: DrivePath | TrashId | None = None
) -> Way:
    """
    The way to a place for something at ``path``.

    :param touched: what the command calls the path, where that is not the path itself.
    :raises CloudError: a file is where a folder should be, it is the root that is asked for, or the actor may make
        nothing there, or not change what is there.
    """
    if not path:
        raise root_immutable()
    chain = find_chain(connection, path)
    if not authorisation.is_unlimited:
        ids, touched = chain.ids, path if touched is None else touched
        authorisation.check_place(touched, path, ids)
        if not authorisation.sees(ids):
            if chain.row is not None or chain.rows[-1].is_file:
                # What is made goes beside it, in the folder above.
                authorisation.check_place(touched, path, ids[:-1])
            return Way(_find_free(connection, authorisation, chain), _tell(chain, path, authorisation.sees))
        if chain.row is not None:
            authorisation.check_taken(touched, path, ids)
    if chain.row is None and chain.rows[-1].is_file:
        raise is_file(chain.path)
    return Way(chain)


def check_place(
    connection: Connection, epoch: str, actor: Actor, path: DrivePath, *, replace: bool
) -> tuple[File | None, tuple[int, ...]]:
    """
    As :meth:`cloudsvc.drive.catalogue.Catalogue.check_place`.

    :return: the file whose place it would take, and the nodes on the way, as far as there are any.
    """
    touches = partial(touch_file, path, replace=replace)
    way = find_way(connection, Authorisation(connection=connection, actor=actor, touches=touches), path)
    row = way.chain.row
    if row is None:
        return None, way.chain.ids
    if not row.is_file:
        raise is_folder(way.chain.path)
    return make_file(connection, epoch, row, way.chain.path), way.chain.ids


def _tell(chain: Chain, path: DrivePath, sees: Callable[[Sequence[int]], bool]) -> DrivePath:
    """``path`` as it would be told if nothing of it were there that the actor does not see."""
    # The first row is that of the root, which has no name.
    seen = takewhile(lambda depth: sees(chain.ids[: depth + 1]), range(1, len(chain.rows)))
    depth = max(seen, default=0)
    return DrivePath((*chain.path.names[:depth], *path.names[depth:]))


def _find_free(connection: Connection, authorisation: Authorisation, chain: Chain) -> Chain:
    """
    The way to a path like that of ``chain`` where nothing is, with other names for those that are in the way.

    What is seen under one of the other names is in the way as well: nobody is to find there what was stored under the
    name that was asked for. So is a folder with a quota of which the actor knows nothing: that would tell of itself
    when it is used up.
    """
    asked, names = chain.names, [*chain.names]
    tries: Counter[int] = Counter()
    while (position := _find_obstacle(connection, authorisation, chain, tries)) is not None:
        names[position] = add_suffix(asked[position], _format_suffix(tries[position]))
        tries[position] += 1
        chain = find_chain(connection, DrivePath(tuple(names)))
    return chain


def _find_obstacle(
    connection: Connection, authorisation: Authorisation, chain: Chain, renamed: Iterable[int]
) -> int | None:
    """Which name of ``chain`` has to be another one, if any."""
    # The first row is that of the root, which has no name.
    ids, owners = chain.ids, find_owners(connection, chain.ids)
    for depth, node in enumerate(ids):
        if node in owners and authorisation.hides(ids, depth):
            return depth - 1
    if chain.row is not None or chain.rows[-1].is_file:
        return len(chain.rows) - 2
    there = (position for position in renamed if position + 2 <= len(chain.rows))
    return next((position for position in there if authorisation.sees(ids[: position + 2])), None)


def _format_suffix(tries: int) -> str:
    return str(_NUMBERS[tries]) if tries < len(_NUMBERS) else secrets.token_hex(_RANDOM_BYTES)
