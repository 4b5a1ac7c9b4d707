"""Users: people who use the server, and what they may do."""

from __future__ import annotations

import secrets
from typing import NewType

from attrs import field, frozen
from attrs.validators import ge, max_len, optional

from cloudsvc.core.actors import Grant, Payer
from cloudsvc.core.clock import Instant
from cloudsvc.identity.bounds import MAX_SCOPES, MAX_USER_GRANTS, MAX_USER_GROUPS
from cloudsvc.identity.groups import GroupId
from cloudsvc.identity.names import MAX_DISPLAY_NAME, AccountName
from cloudsvc.identity.revisions import NEVER, Revision

UserId = NewType("UserId", str)
"""Names a user: 24 random hexadecimal digits. Never used again."""


def make_user_id() -> UserId:
    """A new one."""
    return UserId(secrets.token_hex(12))


@frozen(kw_only=True)
class User:
    """
    A user as of one moment. Their name never changes, and is never given to another one: files in the trash, changes
    and logs tell it.

    :ivar display_name: for people; decides nothing.
    :ivar scopes: the routes that they may use; see :class:`cloudsvc.core.actors.Actor`.
    :ivar grants: their own, without those of their groups; sorted by :func:`cloudsvc.identity.grants.tidy`.
    :ivar groups: sorted.
    :ivar quota: bytes that they may have stored; ``None`` for as many as there is room for.
    :ivar is_disabled: whether none of their credentials is any good until somebody says otherwise.
    :ivar password_set: the change that gave them the password they have; :data:`NEVER` where they have none.
    :ivar factors_set: the change that gave them the second factors that they have, or left them these;
        :data:`NEVER` where they have none, so that their password is enough.
    :ivar revision: the last change of this user, :data:`NEVER` for one that is to be added. The store says which.
    """

    id: UserId
    name: AccountName
    display_name: str = field(default="", validator=max_len(MAX_DISPLAY_NAME))
    scopes: frozenset[str] = field(validator=max_len(MAX_SCOPES))
    grants: tuple[Grant, ...] = field(default=(), validator=max_len(MAX_USER_GRANTS))
    groups: tuple[GroupId, ...] = field(default=(), validator=max_len(MAX_USER_GROUPS))
    quota: int | None = field(default=None, validator=optional(ge(0)))
    is_disabled: bool = False
    created_at: Instant
    password_set: Revision = NEVER
    factors_set: Revision = NEVER
    revision: Revision = NEVER

    @property
    def payer(self) -> Payer:
        """To whose quota it counts what is stored on their behalf."""
        return Payer(name=str(self.name), quota=self.quota)


@frozen(kw_only=True)
class Holder:
    """
    A user, and all that is granted to them.

    :ivar grants: their own and those of their groups together, sorted.
    """

    user: User
    grants: tuple[Grant, ...]
