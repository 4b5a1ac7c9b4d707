"""Contents of stores of identity in plain memory."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import asdict, define, field

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import last_manager
from cloudsvc.identity.factors import Pending, PendingId, Totp
from cloudsvc.identity.grants import tidy
from cloudsvc.identity.groups import Group, GroupId
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import Key
from cloudsvc.identity.link_format import LinkId
from cloudsvc.identity.links import Link
from cloudsvc.identity.passkeys import Passkey, PasskeyId
from cloudsvc.identity.revisions import NEVER, Revision, make_mark
from cloudsvc.identity.sessions import Session, SessionId
from cloudsvc.identity.subjects import Subject, SubjectId
from cloudsvc.identity.users import Holder, User, UserId
from cloudsvc.identity.ways_in import gets_in
from cloudsvc.webhooks.webhook import Attempt, Webhook, WebhookId


@define(kw_only=True)
class KeptPending:
    """A sign-in that waits, with the digest of its secret and how often it was gone on with."""

    pending: Pending
    digest: bytes = field(repr=False)
    tries: int = 0


@define(eq=False)
class Accounts:
    """
    All that is kept.

    :ivar hashes: of passwords.
    :ivar digests: of the secrets of keys.
    :ivar sessions: each with the digest of its secret.
    :ivar links: likewise.
    :ivar parts: uses of links that may be gone on with: when each began, and how often it was gone on with.
    :ivar attempts: of webhooks, the latest first.
    :ivar recovery_codes: when each digest of one was made.
    :ivar challenges: that were signed, with when they expire.
    :ivar names: keys of all names that users have or had.
    :ivar marks: of restricting changes, by revision.
    """

    revision: Revision = NEVER
    void_until: Revision = NEVER
    refuses_owner: bool = False
    users: dict[UserId, User] = field(factory=dict)
    hashes: dict[UserId, Secret] = field(factory=dict, repr=False)
    groups: dict[GroupId, Group] = field(factory=dict)
    keys: dict[KeyId, Key] = field(factory=dict)
    digests: dict[KeyId, bytes] = field(factory=dict, repr=False)
    sessions: dict[SessionId, tuple[Session, bytes]] = field(factory=dict, repr=False)
    links: dict[LinkId, tuple[Link, bytes]] = field(factory=dict, repr=False)
    parts: dict[tuple[LinkId, bytes], tuple[Instant, int]] = field(factory=dict, repr=False)
    webhooks: dict[WebhookId, Webhook] = field(factory=dict, repr=False)
    attempts: dict[WebhookId, tuple[Attempt, ...]] = field(factory=dict)
    totps: dict[UserId, Totp] = field(factory=dict, repr=False)
    recovery_codes: dict[UserId, dict[bytes, Revision]] = field(factory=dict, repr=False)
    pendings: dict[PendingId, KeptPending] = field(factory=dict, repr=False)
    subjects: dict[SubjectId, Subject] = field(factory=dict)
    passkeys: dict[PasskeyId, Passkey] = field(factory=dict)
    challenges: dict[bytes, Instant] = field(factory=dict)
    seal: bytes = field(factory=lambda: secrets.token_bytes(32), repr=False)
    names: set[str] = field(factory=set)
    marks: dict[Revision, str] = field(factory=dict)
    listeners: list[Callable[[], None]] = field(factory=list, repr=False)

    def change(self, *, adds: bool = False) -> Revision:
        """Count a change; its revision."""
        self.revision = Revision(self.revision + 1)
        if not adds:
            self.marks[self.revision] = make_mark()
            while len(self.marks) > bounds.MAX_RESTRICTIONS:
                del self.marks[min(self.marks)]
        self._wake()
        return self.revision

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Change something meanwhile, unless it leaves nobody who gets in to manage the accounts: then it is undone."""
        was_nobody = self._leaves_nobody()
        kept = [{**each} for each in self._contents]
        counted = self.revision
        # Nobody is woken for what is undone.
        listeners, self.listeners = self.listeners, []
        try:
            yield
        finally:
            self.listeners = listeners
        if not was_nobody and self._leaves_nobody():
            for content, former in zip(self._contents, kept, strict=True):
                content.clear()
                content.update(former)
            self.revision = counted
            raise last_manager()
        if self.revision != counted:
            self._wake()

    def gets_anybody_in(self) -> bool:
        """Whether anybody but the owner gets in to manage the accounts."""
        return any(
            gets_in(
                self.hold(user),
                [key for key in self.keys.values() if key.holder == user.id and key.made > self.void_until],
                has_password=user.id in self.hashes and user.password_set > self.void_until,
            )
            for user in self.users.values()
        )

    def _wake(self) -> None:
        for listener in [*self.listeners]:
            listener()

    @property
    def _contents(self) -> list[dict[Any, Any]]:
        return [each for each in asdict(self, recurse=False).values() if isinstance(each, dict)]

    def _leaves_nobody(self) -> bool:
        return self.refuses_owner and not self.gets_anybody_in()

    def hold(self, user: User) -> Holder:
        """A user, and all that is granted to them."""
        shared = (grant for group in user.groups for grant in self.groups[group].grants)
        return Holder(user=user, grants=tidy([*user.grants, *shared]))

    def drop_sessions(self, user: UserId, *, keeps: SessionId | None = None) -> int:
        """Leave none of a user but ``keeps``; how many there were."""
        ended = [each for each, (found, _) in self.sessions.items() if found.user == user and each != keeps]
        for each in ended:
            del self.sessions[each]
        return len(ended)

    def drop_webhooks(self, dropped: Iterable[WebhookId]) -> None:
        """Leave nothing of these webhooks."""
        for each in dropped:
            del self.webhooks[each]
            self.attempts.pop(each, None)

    def drop_pendings(self, user: UserId) -> None:
        """Leave no sign-in of a user that waits."""
        for each in [each for each, kept in self.pendings.items() if kept.pending.user == user]:
            del self.pendings[each]

    def drop_factors(self, user: UserId) -> None:
        """Leave no factor of a user, and nothing that waits for one."""
        self.totps.pop(user, None)
        self.recovery_codes.pop(user, None)
        self.drop_passkeys(user)
        self.drop_pendings(user)

    def find_links_of(self, keys: Collection[KeyId]) -> list[Link]:
        """Links that are not revoked yet, and were made by some keys."""
        return [link for link, _ in self.links.values() if link.made_by in keys and link.revoked_at is None]

    def hold_link(self, link: Link) -> None:
        """``link`` is what the link of this id is."""
        self.links[link.id] = link, self.links[link.id][1]

    def drop_links(self, links: Iterable[LinkId]) -> None:
        """Leave none of some links, nor of their parts."""
        for link in links:
            del self.links[link]
            for each in [each for each in self.parts if each[0] == link]:
                del self.parts[each]

    def drop_subject(self, subject: SubjectId) -> None:
        """Leave neither it nor the sessions that were begun by it."""
        del self.subjects[subject]
        for each in [each for each, (found, _) in self.sessions.items() if found.subject == subject]:
            del self.sessions[each]

    def list_passkeys(self, user: UserId) -> Sequence[Passkey]:
        """Those of a user, by their ids."""
        return [self.passkeys[each] for each in sorted(self.passkeys) if self.passkeys[each].user == user]

    def drop_passkeys(self, user: UserId) -> None:
        """Leave no passkey of a user."""
        for each in self.list_passkeys(user):
            del self.passkeys[each.id]
