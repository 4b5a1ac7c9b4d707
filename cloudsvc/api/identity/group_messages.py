"""Response messages of the routes of groups."""

from __future__ import annotations

from attrs import frozen

from cloudsvc.api.identity.roles import GrantedRole, Paths
from cloudsvc.api.moments import Moment
from cloudsvc.extend import Message
from cloudsvc.extend.drive import format_instant
from cloudsvc.extend.identity import Group


@frozen(kw_only=True)
class GroupEntry:
    """A group, and the roles of everybody in it."""

    name: str
    roles: tuple[GrantedRole, ...]
    created_at: Moment

    @classmethod
    def of(cls, group: Group, paths: Paths) -> GroupEntry:
        """``group`` as managers see it."""
        return cls(name=str(group.name), roles=paths.tell(group.grants), created_at=format_instant(group.created_at))


@frozen(kw_only=True)
class GroupMessage(Message):
    """One group."""

    group: GroupEntry


@frozen(kw_only=True)
class GroupPage(Message):
    """Some groups, by their names."""

    groups: tuple[GroupEntry, ...]
    cursor: str | None
