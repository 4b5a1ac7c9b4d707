"""
Interface of the store of webhooks, which is that of users, groups and keys (:mod:`cloudsvc.identity.store`): each
method is one atomic step on durable storage, of which the same holds. Webhooks are in no copy of the accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cloudsvc.webhooks.webhook import Attempt, Progress, Webhook, WebhookId


class WebhookStore(Protocol):
    """Keeps webhooks, and removes those of a user together with them."""

    async def add_webhook(self, webhook: Webhook) -> Webhook:
        """
        Add a webhook whose ``revision`` is ``NEVER``.

        :return: as it is now.
        :raises CloudError: its user is not there; its key has ended when it is created, or is not there; there are too
            many.
        """
        ...

    async def find_webhook(self, webhook: WebhookId) -> Webhook | None:
        """A webhook, if there is one."""
        ...

    async def list_webhooks(
        self, limit: int, *, after: WebhookId | None = None, maker: str | None = None
    ) -> Sequence[Webhook]:
        """
        Webhooks by their ids.

        :param after: leaves out all up to this one.
        :param maker: only those of this actor, by their name.
        """
        ...

    async def replace_webhook(self, webhook: Webhook, *, begins_again: bool = False) -> Webhook:
        """
        Make ``webhook`` what the webhook of this id is; id, maker, user, key, ``created_at`` and ``progress`` stay as
        they are kept.

        :param begins_again: whether what has failed is forgotten (:func:`cloudsvc.webhooks.retrying.begin_again`).
        :return: as it is now.
        :raises CloudError: there is no such webhook; ``changed_meanwhile``.
        """
        ...

    async def remove_webhook(self, webhook: WebhookId) -> None:
        """
        Remove a webhook, with what is remembered of its attempts.

        :raises CloudError: there is no such webhook.
        """
        ...

    async def remove_orphaned_webhooks(self, limit: int) -> int:
        """
        Remove up to ``limit`` webhooks whose keys are not there any more. How many there were; it is no change if there
        were none.
        """
        ...

    async def note_progress(
        self, webhook: WebhookId, former: Progress, progress: Progress, attempt: Attempt | None = None
    ) -> bool:
        """
        Remember how far a webhook has come, if it had come as far as ``former`` says, and an attempt. It is no change.

        :return: whether it is so; otherwise, somebody else delivers, or it is not there.
        """
        ...

    async def note_attempt(self, webhook: WebhookId, attempt: Attempt) -> None:
        """Remember an attempt alone, if the webhook is there. It is no change."""
        ...

    async def list_attempts(self, webhook: WebhookId) -> Sequence[Attempt]:
        """The last attempts, :data:`~cloudsvc.webhooks.bounds.MAX_ATTEMPTS` at most, the latest first."""
        ...
