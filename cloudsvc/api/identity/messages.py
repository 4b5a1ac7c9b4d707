"""Response messages of the routes of accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import field, frozen

from cloudsvc.api.moments import Moment, format_moment, parse_moment
from cloudsvc.extend import Actor, CloudError, Grant, Kind, Message, Role
from cloudsvc.extend.drive import Instant, format_instant
from cloudsvc.extend.identity import (
    Directory,
    Group,
    Issued,
    Key,
    Profile,
    Session,
    SessionId,
    Subject,
    User,
    is_manager,
)


@frozen(kw_only=True)
class GrantedRole:
    """
    A role on a folder.

    :ivar folder: The id of the folder, which it keeps wherever it is moved.
    :ivar path: Where it is now; `null` where the reader may not look into it, or where it is in the trash or gone.
    """

    folder: int
    path: str | None
    role: Role


@frozen(kw_only=True)
class Paths:
    """The paths of folders, as far as the reader may know them."""

    known: Mapping[int, str]

    @classmethod
    async def find(cls, directory: Directory, actor: Actor, grants: Iterable[Grant]) -> Paths:
        """Those of the folders of ``grants``."""
        return cls(known=await directory.tell_paths(actor, grants))

    def tell(self, grants: Sequence[Grant]) -> tuple[GrantedRole, ...]:
        """``grants`` as readers see them."""
        return tuple(
            GrantedRole(folder=grant.folder, path=self.known.get(grant.folder), role=grant.role) for grant in grants
        )


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


@frozen(kw_only=True)
class KeyEntry:
    """
    A key, without its secret.

    :ivar program: The program whose it is; `null` for a key of a user.
    :ivar maker: The name of who has made it.
    :ivar made_by: The id of the key by which they have; `null` where that was none.
    :ivar roles: What it may do of what its holder may; `null` for all of that.
    :ivar rate: How often it may be used; `null` for as often as anybody.
    :ivar last_used: To the hour; `null` for never.
    """

    id: str
    label: str
    program: str | None
    maker: str
    made_by: str | None
    roles: tuple[GrantedRole, ...] | None
    scopes: tuple[str, ...]
    rate: str | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used: Moment | None

    @classmethod
    def of(cls, key: Key, paths: Paths) -> KeyEntry:
        """``key`` as its holder sees it."""
        return cls(
            id=key.id,
            label=key.label,
            program=None if key.program is None else str(key.program),
            maker=key.maker,
            made_by=key.made_by,
            roles=None if key.grants is None else paths.tell(key.grants),
            scopes=tuple(sorted(key.scopes)),
            rate=key.rate,
            created_at=format_instant(key.created_at),
            expires_at=format_moment(key.expires_at),
            revoked_at=format_moment(key.revoked_at),
            last_used=format_moment(key.last_used),
        )


@frozen(kw_only=True)
class KeyMessage(Message):
    """One key."""

    key: KeyEntry


@frozen(kw_only=True)
class RevokedMessage(Message):
    """
    A key that has ended.

    :ivar others: How many keys that were made by it, or by others that were, have ended with it.
    """

    key: KeyEntry
    others: int


@frozen(kw_only=True)
class KeyPage(Message):
    """Some keys, by their ids."""

    keys: tuple[KeyEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class IssuedMessage(Message):
    """
    A new key.

    :ivar secret: The key itself, to be sent as `X-API-Key`. It is told once: the server keeps but a hash.
    """

    key: KeyEntry
    secret: str = field(repr=False)

    @classmethod
    def of(cls, message: str, issued: Issued, paths: Paths) -> IssuedMessage:
        """``issued`` for who has asked for it."""
        return cls(message=message, key=KeyEntry.of(issued.key, paths), secret=issued.made.text.reveal())


@frozen(kw_only=True)
class SessionEntry:
    """
    A session, without its secret.

    :ivar key: The id of the key by which it began; `null` where it was none.
    :ivar subject: The id of one's account at a provider by which it began; `null` where it was none.
    :ivar seen_at: To some minutes.
    :ivar expires_at: When it ends, if it is not used any more.
    :ivar current: Whether it is that of this request.
    """

    id: str
    label: str
    key: str | None
    subject: str | None
    created_at: Moment
    seen_at: Moment
    expires_at: Moment
    current: bool

    @classmethod
    def of(cls, session: Session, current: SessionId | None) -> SessionEntry:
        """``session`` as its user sees it."""
        return cls(
            id=session.id,
            label=session.label,
            key=session.key,
            subject=session.subject,
            created_at=format_instant(session.created_at),
            seen_at=format_instant(session.seen_at),
            expires_at=format_instant(session.expires_at),
            current=session.id == current,
        )


@frozen(kw_only=True)
class SessionMessage(Message):
    """
    A session that has begun.

    :ivar name: Of its user.
    """

    name: str
    session: SessionEntry


@frozen(kw_only=True)
class SessionPage(Message):
    """The sessions of a user, the latest first."""

    sessions: tuple[SessionEntry, ...]


@frozen(kw_only=True)
class ProviderEntry:
    """
    An identity provider by which one may sign in.

    :ivar name: Part of the addresses of its routes.
    :ivar title: For people.
    """

    name: str
    title: str


@frozen(kw_only=True)
class ProviderPage(Message):
    """All of them."""

    providers: tuple[ProviderEntry, ...]


@frozen(kw_only=True)
class LinkMessage(Message):
    """
    A link that is to be made.

    :ivar url: Where a browser goes on, at the provider.
    """

    url: str


@frozen(kw_only=True)
class SubjectEntry:
    """
    Who a user is to an identity provider.

    :ivar issuer: What issues, by its URL.
    :ivar subject: What it calls the user.
    """

    id: str
    issuer: str
    subject: str
    created_at: Moment

    @classmethod
    def of(cls, subject: Subject) -> SubjectEntry:
        """``subject`` as its user sees it."""
        return cls(
            id=subject.id,
            issuer=subject.issuer,
            subject=subject.name,
            created_at=format_instant(subject.created_at),
        )


@frozen(kw_only=True)
class SubjectMessage(Message):
    """One of them."""

    subject: SubjectEntry


@frozen(kw_only=True)
class SubjectPage(Message):
    """Who a user is to identity providers."""

    subjects: tuple[SubjectEntry, ...]


@frozen(kw_only=True)
class EndedMessage(Message):
    """How many sessions have ended."""

    ended: int


def read_expiry(text: str | None) -> Instant | None:
    """
    ``text``, a date with a time and its offset from UTC (RFC 3339), in microseconds since the epoch; 0 for none.

    :raises CloudError: it is something else.
    """
    if not text:
        return None if text is None else 0
    moment = parse_moment(text)
    if moment is None:
        message = "expires_at is no moment: write a date and time such as 2026-01-31T12:00:00Z (RFC 3339)."
        raise CloudError(Kind.INVALID, "invalid_expiry", message)
    return moment
