"""Authorisation of a command: it may do with a path what it says that it touches, if its actor has the right to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.drive.commands import Touch
from cloudsvc.drive.errors import entry_forbidden, forbidden, trash_entry_not_found
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import TrashId
from cloudsvc.drive.permissions import Right, find_folders, holds_any, is_permitted
from cloudsvc.storage.memory_catalogue.sight import Sight, look, look_as
from cloudsvc.storage.memory_catalogue.tables import Tables, Thrown

_OF_PLACES: Final = frozenset({Right.CREATE, Right.SEE})
"""Rights that one needs of a place where nothing is yet."""


@frozen(kw_only=True)
class Authorisation:
    """
    What a command may do on behalf of its actor.

    :ivar touches: lists what the command touches. It may do nothing with anything else.
    """

    tables: Tables
    actor: Actor
    touches: Callable[[], Sequence[Touch]]

    @cached_property
    def sight(self) -> Sight:
        """What the actor sees."""
        return look_as(self.tables, self.actor)

    def sees(self, chain: Sequence[int]) -> bool:
        """Whether the actor sees the last node of ``chain``, which begins at the root, be it as a folder on the way."""
        return self.sight.sees(chain) or self.sight.is_way(chain[-1])

    def hides(self, chain: Sequence[int], depth: int) -> bool:
        """
        Whether the actor may make something below the node at ``depth`` of ``chain``, and knows nothing of that: it is
        not seen, and the right comes from a folder above.
        """
        folders = find_folders(self.actor, Right.CREATE)
        by_above = folders.isdisjoint(chain[depth:]) and not folders.isdisjoint(chain[:depth])
        return by_above and not self.sees(chain[: depth + 1])

    def check_node(self, path: DrivePath, chain: Sequence[int]) -> None:
        """
        See that the command may do what it says with what is at ``path``, which is seen.

        :raises CloudError: it may not.
        """
        self._check(path, chain, self._list_rights(path))

    def check_taken(self, touched: DrivePath | TrashId, path: DrivePath, chain: Sequence[int]) -> None:
        """
        See that the command may change what is at ``path`` already, if it says that it does.

        :raises CloudError: it may not.
        """
        if Right.CHANGE in self._list_rights(touched):
            self._check(path, chain, frozenset({Right.CHANGE}))

    def check_place(self, touched: DrivePath | TrashId, path: DrivePath, chain: Sequence[int]) -> None:
        """
        See that the command may make something at ``path``, if nothing is there.

        :param touched: what the command calls the path: itself, or the entry of the trash that was there.
        :param chain: the nodes on the way to the path, as far as there are any.
        :raises CloudError: it may not, whatever is there.
        """
        rights = self._list_rights(touched)
        self._check(path, chain, rights & _OF_PLACES if Right.CREATE in rights else frozenset())

    def check_entry(self, thrown: Thrown) -> None:
        """
        See that the command may do what it says with an entry of the trash.

        :raises CloudError: it may not; an entry that the actor does not see is not there.
        """
        rights = self._list_rights(thrown.id) - _OF_PLACES
        if not rights or not all(holds_any(right, thrown.chain, self._find_awake(right)) for right in rights):
            raise entry_forbidden() if self.sight.sees(thrown.chain) else trash_entry_not_found()

    def find_place(self, thrown: Thrown) -> DrivePath:
        """
        Where an entry of the trash belongs: from the place on where the uppermost folder is now on which the actor has
        the rights that the command needs.
        """
        rights = self._list_rights(thrown.id) | {Right.SEE}
        sight = look(self.tables, frozenset.intersection(*(find_folders(self.actor, right) for right in rights)))
        return (sight if sight.sees(thrown.chain) else self.sight).tell(thrown.path, thrown.chain)

    def _find_awake(self, right: Right) -> frozenset[int]:
        """The folders on which the actor has ``right``, without those in the trash."""
        return look(self.tables, find_folders(self.actor, right)).granted

    def _list_rights(self, touched: DrivePath | TrashId) -> frozenset[Right]:
        return frozenset(right for right, what in self.touches() if what == touched)

    def _check(self, path: DrivePath, chain: Sequence[int], rights: frozenset[Right]) -> None:
        if not rights or not all(is_permitted(self.actor, right, chain) for right in rights):
            raise forbidden(path)
