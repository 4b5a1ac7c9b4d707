"""Groups: named sets of grants that several users have."""

from __future__ import annotations

import secrets
from typing import NewType

from attrs import field, frozen
from attrs.validators import max_len

from cloudsvc.core.actors import Grant
from cloudsvc.core.clock import Instant
from cloudsvc.identity.bounds import MAX_GROUP_GRANTS
from cloudsvc.identity.names import AccountName
from cloudsvc.identity.revisions import NEVER, Revision

GroupId = NewType("GroupId", str)
"""Names a group: 24 random hexadecimal digits. Never used again."""


def make_group_id() -> GroupId:
    """A new one."""
    return GroupId(secrets.token_hex(12))


@frozen(kw_only=True)
class Group:
    """
    A group as of one moment. Users know their groups; a group that is removed leaves them.

    :ivar name: unique among groups; never changes, and may be given again.
    :ivar revision: the last change of this group, ``NEVER`` for one that is to be added.
    """

    id: GroupId
    name: AccountName
    grants: tuple[Grant, ...] = field(default=(), validator=max_len(MAX_GROUP_GRANTS))
    created_at: Instant
    revision: Revision = NEVER
