"""Revisions of the accounts: which change was the last one, and which one must not be forgotten."""

from __future__ import annotations

import secrets
from typing import Final, NewType

from attrs import frozen

Revision = NewType("Revision", int)
"""Numbers a change of the accounts: the first is 1, each later one is greater by one."""

NEVER: Final = Revision(0)
"""Before all changes."""


@frozen(kw_only=True)
class Restriction:
    """
    A change after which somebody may do less: any but that something new was added.

    Who has seen one knows of a store that does not whether it is an older one, put back from a copy: there, what was
    revoked would be good again. A number would not tell, since an older store goes on counting.

    :ivar mark: 32 random hexadecimal digits.
    :ivar refuses_owner: whether the owner's token is switched off by this change, or was before and is still.
    """

    revision: Revision
    mark: str
    refuses_owner: bool = False


def make_mark() -> str:
    """A new one."""
    return secrets.token_hex(16)


@frozen(kw_only=True)
class Standing:
    """
    How far the accounts have come.

    :ivar revision: of the last change; notes of when keys were used are none.
    :ivar restriction: the last one, if there was any.
    :ivar void_until: keys and passwords that this change, or an earlier one, has made are no good any more.
    """

    revision: Revision
    restriction: Restriction | None
    void_until: Revision

    @property
    def refuses_owner(self) -> bool:
        """Whether the owner's token is switched off."""
        # It changes by restrictions alone.
        return self.restriction is not None and self.restriction.refuses_owner
