"""Response messages of the routes of users."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from cloudsvc.api.identity.roles import GrantedRole, Paths
from cloudsvc.api.moments import Moment
from cloudsvc.extend import Message, Role
from cloudsvc.extend.drive import format_instant
from cloudsvc.extend.identity import Profile, User, is_manager


@frozen(kw_only=True)
class ProfileMessage(Message):
    """
    Who one is.

    :ivar display_name: Empty for the owner and for programs.
    :ivar manager: Whether one manages the whole drive, and so the accounts.
    :ivar roles: All that one may do in the drive, by the key that was shown.
    :ivar quota: Bytes that may be stored on one's behalf; `null` where there is no quota.
    :ivar stored_bytes: Those that are: of all versions, old ones and those in the trash too, wherever they are; `null`
        for the owner and for programs, to whom nothing counts.
    """

    name: str
    display_name: str
    manager: bool
    scopes: tuple[str, ...]
    roles: tuple[GrantedRole, ...]
    groups: tuple[str, ...]
    quota: int | None
    stored_bytes: int | None

    @classmethod
    def of(cls, profile: Profile, paths: Paths, stored: Mapping[str, int]) -> ProfileMessage:
        """
        ``profile`` as its owner sees it.

        :param stored: bytes of users, by their names.
        """
        user, actor = profile.user, profile.actor
        return cls(
            message="This is who you are.",
            name=actor.name,
            display_name="" if user is None else user.display_name,
            manager=is_manager(actor),
            scopes=tuple(sorted(actor.scopes)),
            roles=paths.tell(actor.grants),
            groups=tuple(sorted(str(group.name) for group in profile.groups)),
            quota=None if user is None else user.quota,
            stored_bytes=None if user is None else stored[str(user.name)],
        )


@frozen(kw_only=True)
class UserEntry:
    """
    A user.

    :ivar roles: Their own, without those of their groups.
    :ivar groups: How many groups they are in.
    :ivar quota: Bytes; `null` where there is none.
    :ivar stored_bytes: Bytes that count to it: of all versions that were stored on their behalf.
    """

    name: str
    display_name: str
    disabled: bool
    has_password: bool
    has_second_factor: bool
    scopes: tuple[str, ...]
    roles: tuple[GrantedRole, ...]
    groups: int
    quota: int | None
    stored_bytes: int
    created_at: Moment

    @classmethod
    def of(cls, user: User, paths: Paths, stored: Mapping[str, int]) -> UserEntry:
        """
        ``user`` as managers see them.

        :param stored: bytes of users, by their names.
        """
        return cls(
            name=str(user.name),
            display_name=user.display_name,
            disabled=user.is_disabled,
            has_password=bool(user.password_set),
            has_second_factor=bool(user.factors_set),
            scopes=tuple(sorted(user.scopes)),
            roles=paths.tell(user.grants),
            groups=len(user.groups),
            quota=user.quota,
            stored_bytes=stored[str(user.name)],
            created_at=format_instant(user.created_at),
        )


@frozen(kw_only=True)
class UserMessage(Message):
    """One user."""

    user: UserEntry


@frozen(kw_only=True)
class UserPage(Message):
    """Some users, by their names."""

    users: tuple[UserEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class SharedMessage(Message):
    """
    A role that was given or taken.

    :ivar role: What the user has on the folder itself now; `null` for nothing.
    """

    name: str
    folder: int
    role: Role | None
