"""
Ways in of those who manage the accounts: without the owner's token there has to be one, or else nobody could help.

A user who is not disabled gets in to manage, who is manager of the root folder, by a role of their own or of a group,
and has the scope for it; and who has a password, or a key that never ends and does as much. What will have ended
tomorrow is none: nobody would be asked then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cloudsvc.core.actors import MANAGING_GRANT
from cloudsvc.identity.keys import Key
from cloudsvc.identity.scopes import ALL
from cloudsvc.identity.users import Holder

MANAGING_SCOPES: Final = ("accounts:write", ALL)
"""Scopes one of which it takes."""


def gets_in(holder: Holder, keys: Iterable[Key], *, has_password: bool) -> bool:
    """
    Whether a user gets in to manage the accounts.

    :param keys: theirs, without those that have been declared void.
    :param has_password: whether they have one that has not.
    """
    if holder.user.is_disabled or MANAGING_GRANT not in holder.grants or not _includes(holder.user.scopes):
        return False
    return has_password or any(
        key.ended_at is None and (key.grants is None or MANAGING_GRANT in key.grants) and _includes(key.scopes)
        for key in keys
    )


def _includes(scopes: frozenset[str]) -> bool:
    return not scopes.isdisjoint(MANAGING_SCOPES)
