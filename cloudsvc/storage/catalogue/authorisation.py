"""
Authorisation of a command, in the transaction that does its work.

A command may do with a path what it says that it touches, if its actor has the right to. Whether that is so is decided
by the chain of nodes that the transaction itself has found, so that no move comes between. What the actor does not see
is not there: only of what is seen it is said that something is forbidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

from attrs import field, frozen

from cloudsvc.core.actors import Actor
from cloudsvc.drive.commands import Touch
from cloudsvc.drive.errors import entry_forbidden, forbidden, trash_entry_not_found
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import TrashId
from cloudsvc.drive.permissions import Right, find_folders, holds_any, is_permitted, is_unlimited
from cloudsvc.storage.catalogue.sight import Sight, look, look_as
from cloudsvc.storage.database.statements import Connection

_OF_PLACES: Final = frozenset({Right.CREATE, Right.SEE})
"""Rights that one needs of a place where nothing is yet."""


@frozen(kw_only=True)
class Authorisation:
    """
    What a command may do on behalf of its actor.

    :ivar touches: lists what the command touches. It may do nothing with anything else.
    :ivar is_unlimited: whether the actor may do everything everywhere, so that nothing else is asked.
    """

    connection: Connection
    actor: Actor
    touches: Callable[[], Sequence[Touch]]
    is_unlimited: bool = field(init=False)

    @is_unlimited.default
    def _evaluate(self) -> bool:
        return is_unlimited(self.actor)

    @cached_property
    def sight(self) -> Sight:
        """What the actor sees, in one statement."""
        return look_as(self.connection, self.actor)

    def find_awake(self, right: Right) -> frozenset[int]:
        """The folders on which the actor has ``right``, without those in the trash, in one statement."""
        return look(self.connection, find_folders(self.actor, right)).granted

    def sees(self, chain: Sequence[int]) -> bool:
        """Whether the actor sees the last node of ``chain``, which begins at the root, be it as a folder on the way."""
        return self.is_unlimited or is_permitted(self.actor, Right.SEE, chain) or self.sight.is_way(chain[-1])

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
        if not self.is_unlimited:
            self._check(path, chain, self._list_rights(path))

    def check_taken(self, touched: DrivePath | TrashId, path: DrivePath, chain: Sequence[int]) -> None:
        """
        See that the command may change what is at ``path`` already, if it says that it does.

        :raises CloudError: it may not.
        """
        if not self.is_unlimited and (rights := self._list_rights(touched) & {Right.CHANGE}):
            self._check(path, chain, rights)

    def check_place(self, touched: DrivePath | TrashId, path: DrivePath, chain: Sequence[int]) -> None:
        """
        See that the command may make something at ``path``, if nothing is there.

        :param touched: what the command calls the path: itself, or the entry of the trash that was there.
        :param chain: the nodes on the way to the path, as far as there are any.
        :raises CloudError: it may not, whatever is there.
        """
        if not self.is_unlimited:
            rights = self._list_rights(touched)
            if Right.CREATE not in rights:
                raise forbidden(path)
            self._check(path, chain, rights & _OF_PLACES)

    def check_entry(self, entry: TrashId, chain: Sequence[int]) -> None:
        """
        See that the command may do what it says with an entry of the trash, whose nodes were ``chain``.

        :raises CloudError: it may not; an entry that the actor does not see is not there.
        """
        if self.is_unlimited:
            return
        rights = self._list_rights(entry) - _OF_PLACES
        if rights and all(holds_any(right, chain, self.find_awake(right)) for right in rights):
            return
        raise entry_forbidden() if self.sight.sees(chain) else trash_entry_not_found()

    def find_place(self, entry: TrashId, path: DrivePath, chain: Sequence[int]) -> DrivePath:
        """
        Where an entry of the trash belongs, which was at ``path`` and whose nodes were ``chain``: from the place on
        where the uppermost folder is now on which the actor has the rights that the command needs. A folder above that
        is only seen must not lead to where the actor may do less.
        """
        if self.is_unlimited:
            return path
        rights = self._list_rights(entry) | {Right.SEE}
        folders = frozenset.intersection(*(find_folders(self.actor, right) for right in rights))
        sight = look(self.connection, folders)
        return (sight if sight.sees(chain) else self.sight).tell(path, chain)

    def _list_rights(self, touched: DrivePath | TrashId) -> frozenset[Right]:
        return frozenset(right for right, what in self.touches() if what == touched)

    def _check(self, path: DrivePath, chain: Sequence[int], rights: frozenset[Right]) -> None:
        if not rights or not all(is_permitted(self.actor, right, chain) for right in rights):
            raise forbidden(path)
