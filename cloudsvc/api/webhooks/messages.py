"""Response messages of the routes of webhooks."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from cloudsvc.api.drive.messages import KindOfChange
from cloudsvc.api.moments import Moment, format_moment
from cloudsvc.extend import Message
from cloudsvc.extend.drive import format_instant
from cloudsvc.extend.webhooks import Attempt, Outcome, State, Webhook


@frozen(kw_only=True)
class WebhookEntry:
    """
    A webhook, without its secret.

    :ivar maker: The name of who has made it, whose it is.
    :ivar made_by: The id of the key by which they have; `null` where that was none.
    :ivar kinds: Of which changes it is told; none for all.
    :ivar folder: The id of the folder of whose changes it is told; `null` for all that its owner sees.
    :ivar path: Where that is now; `null` where the reader may not look into it.
    :ivar position: The last change that was delivered, or after which it begins.
    :ivar failures: Since the last success.
    :ivar failing_since: The first of these failures, later by the time in which nothing was tried although it was due.
    :ivar next_try: Before which nothing is sent; `null` where nothing has failed.
    :ivar former_until: Until when messages are signed with the former secret too.
    """

    id: str
    maker: str
    made_by: str | None
    url: str = field(repr=False)
    label: str
    kinds: tuple[KindOfChange, ...]
    folder: int | None
    path: str | None
    state: State
    position: str
    delivered_at: Moment | None
    failures: int
    failing_since: Moment | None
    next_try: Moment | None
    former_until: Moment | None
    created_at: Moment

    @classmethod
    def of(cls, webhook: Webhook, paths: Mapping[int, str]) -> WebhookEntry:
        """``webhook`` as its owner sees it."""
        progress = webhook.progress
        return cls(
            id=webhook.id,
            maker=webhook.maker,
            made_by=webhook.key,
            url=webhook.url,
            label=webhook.label,
            kinds=tuple(KindOfChange(each) for each in sorted(kind.value for kind in webhook.kinds)),
            folder=webhook.folder,
            path=None if webhook.folder is None else paths.get(webhook.folder),
            state=webhook.state,
            position=str(progress.position),
            delivered_at=format_moment(progress.delivered_at),
            failures=progress.failures,
            failing_since=format_moment(progress.failing_since),
            next_try=format_moment(progress.next_try),
            former_until=format_moment(webhook.former_until),
            created_at=format_instant(webhook.created_at),
        )


@frozen(kw_only=True)
class WebhookMessage(Message):
    """One webhook."""

    webhook: WebhookEntry


@frozen(kw_only=True)
class WebhookPage(Message):
    """Some webhooks, by their ids."""

    webhooks: tuple[WebhookEntry, ...]
    cursor: str | None


@frozen(kw_only=True)
class SecretMessage(Message):
    """
    A webhook with its secret.

    :ivar secret: With which messages are signed, as Standard Webhooks writes it. It is told once.
    """

    webhook: WebhookEntry
    secret: str = field(repr=False)


@frozen(kw_only=True)
class AttemptEntry:
    """
    An attempt to deliver a message.

    :ivar message: Its `webhook-id`.
    :ivar type: Of the message.
    :ivar status: Of the answer; `null` where there was none.
    :ivar milliseconds: That it took.
    """

    at: Moment
    message: str
    type: str
    outcome: Outcome
    status: int | None
    milliseconds: int

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptEntry:
        """``attempt`` as owners see it."""
        return cls(
            at=format_instant(attempt.at),
            message=attempt.message,
            type=attempt.kind,
            outcome=attempt.outcome,
            status=attempt.status,
            milliseconds=attempt.milliseconds,
        )


@frozen(kw_only=True)
class AttemptMessage(Message):
    """One attempt."""

    attempt: AttemptEntry


@frozen(kw_only=True)
class AttemptsMessage(Message):
    """The last attempts, the latest first."""

    attempts: tuple[AttemptEntry, ...]
