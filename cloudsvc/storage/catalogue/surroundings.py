"""Folders around those with a quota, which are not given up to make room."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from attrs import define
from sqlalchemy import bindparam, literal_column, select

from cloudsvc.storage.catalogue.schema import account, node
from cloudsvc.storage.database.constructs import is_among
from cloudsvc.storage.database.statements import Connection, compile_statement

_above = select(account.c.owner.label("id"), literal_column("0").label("is_around")).cte("above", recursive=True)
_above = _above.union(select(node.c.parent, literal_column("1")).join(_above, node.c.id == _above.c.id))
_ABOVE: Final = compile_statement(select(_above))
_OWNERS: Final = compile_statement(select(account.c.owner).where(is_among(account.c.owner, bindparam("nodes"))))


def find_owners(connection: Connection, nodes: Sequence[int]) -> frozenset[int]:
    """Which of ``nodes`` are folders with a quota of their own."""
    return frozenset(owner for (owner,) in _OWNERS.rows(connection, nodes=json.dumps(nodes)))


@define
class Surroundings:
    """
    Which folders have one with a quota somewhere below.

    That costs what the quotas of the drive and their depths are, so it is asked once for all commands of a request.
    """

    _owners: frozenset[int] = frozenset()
    _around: frozenset[int] | None = None

    def hold(self, connection: Connection, folder: int) -> bool:
        """Whether a folder somewhere below this one has a quota of its own."""
        if self._around is None:
            found = [*_ABOVE.rows(connection)]
            self._owners = frozenset(each for each, is_around in found if not is_around)
            self._around = frozenset(each for each, is_around in found if is_around)
        return folder in self._around

    def move(self, moved: int) -> None:
        """A file or folder is somewhere else now."""
        if self._around is not None and (moved in self._around or moved in self._owners):
            self.forget()

    def forget(self) -> None:
        """Other folders have a quota now."""
        self._around = None
