"""Webhooks as values: where messages go, of what, on whose behalf, and how far they have come."""

from __future__ import annotations

import secrets
from enum import Enum
from typing import NewType

from attrs import field, frozen
from attrs.validators import ge, max_len

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.changes import ChangeKind, Position
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.names import MAX_DISPLAY_NAME
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.users import UserId
from cloudsvc.outbound.urls import MAX_URL

WebhookId = NewType("WebhookId", str)
"""Names a webhook: 24 random hexadecimal digits. Never used again."""


def make_webhook_id() -> WebhookId:
    """A new one."""
    return WebhookId(secrets.token_hex(12))


class Stop(Enum):
    """Why a webhook was given up."""

    GONE = "gone"
    """Its receiver said so: 410."""
    FAILING = "failing"
    """For days nothing could be delivered."""


@frozen(kw_only=True)
class Progress:
    """
    How far a webhook has come. The one who delivers says so.

    :ivar position: after which change to go on.
    :ivar owes_notice: whether the receiver has yet to be told that changes were lost to it.
    :ivar is_paused: whether there was, when it was looked at last, nobody on whose behalf anything could be sent.
    :ivar stop: why it was given up; ``None`` where it was not.
    :ivar delivered_at: the last success; ``None`` where there was none.
    :ivar failures: since that.
    :ivar failing_since: the first one of these, later by the time in which nothing was tried although it was due.
    :ivar next_try: before which nothing is sent.
    """

    position: Position
    owes_notice: bool = False
    is_paused: bool = False
    stop: Stop | None = None
    delivered_at: Instant | None = None
    failures: int = field(default=0, validator=ge(0))
    failing_since: Instant | None = None
    next_try: Instant | None = None


class State(Enum):
    """Whether something is sent to a webhook."""

    ACTIVE = "active"
    FAILING = "failing"
    """The last attempt has failed, and there will be another one."""
    PAUSED = "paused"
    """There is nothing that its owner may see just now."""
    DISABLED = "disabled"
    """Somebody has said so."""
    GONE = "gone"
    """The receiver has answered 410."""
    GIVEN_UP = "given_up"
    """For days nothing could be delivered."""


@frozen(kw_only=True)
class Webhook:
    """
    A webhook as of one moment.

    :ivar maker: the name of the actor who has made it, whose it is.
    :ivar user: the user on whose behalf it is sent what they may see; ``None`` where it is the owner's or a program's.
    :ivar key: the key by which it was made, beyond which it sees nothing, and with which it ends; ``None`` where that
        was none of the accounts.
    :ivar url: where messages go. It may hold a secret of the receiver's.
    :ivar kinds: of which changes; empty for all.
    :ivar folder: the folder whose changes are wanted, and of what is below it; ``None`` for all that its owner sees.
    :ivar secret: with which messages are signed.
    :ivar former_secret: with which they are signed as well, until ``former_until``.
    :ivar is_disabled: whether somebody has said that nothing is to be sent.
    :ivar revision: the last change of this webhook, :data:`NEVER` for one that is to be added.
    """

    id: WebhookId
    maker: str
    user: UserId | None = None
    key: KeyId | None = None
    url: str = field(validator=max_len(MAX_URL), repr=False)
    label: str = field(default="", validator=max_len(MAX_DISPLAY_NAME))
    kinds: frozenset[ChangeKind] = frozenset()
    folder: int | None = None
    secret: Secret
    former_secret: Secret | None = None
    former_until: Instant | None = None
    is_disabled: bool = False
    created_at: Instant
    progress: Progress
    revision: Revision = NEVER

    @property
    def state(self) -> State:
        """Whether something is sent to it."""
        progress = self.progress
        if self.is_disabled:
            return State.DISABLED
        if progress.stop is not None:
            return State.GONE if progress.stop is Stop.GONE else State.GIVEN_UP
        if progress.is_paused:
            return State.PAUSED
        return State.FAILING if progress.failures else State.ACTIVE

    def list_secrets(self, now: Instant) -> tuple[Secret, ...]:
        """Those with which a message is signed."""
        if self.former_secret is None or self.former_until is None or self.former_until <= now:
            return (self.secret,)
        return (self.secret, self.former_secret)


class Outcome(Enum):
    """What came of an attempt to deliver a message."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The receiver answered with another status than 2xx."""
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    SILENT = "silent"
    BROKEN = "broken"


@frozen(kw_only=True)
class Attempt:
    """
    One attempt to deliver a message.

    :ivar message: its ``webhook-id``.
    :ivar kind: its type.
    :ivar status: of the answer, where there was one.
    :ivar milliseconds: that it took.
    """

    at: Instant
    message: str
    kind: str
    outcome: Outcome
    status: int | None
    milliseconds: int
