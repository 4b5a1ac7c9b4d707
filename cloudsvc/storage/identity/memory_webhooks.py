"""Webhooks in plain memory."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, evolve

from cloudsvc.identity.errors import changed_meanwhile, key_ended, too_many, user_not_found
from cloudsvc.storage.identity.memory_steps import MemorySteps
from cloudsvc.webhooks.bounds import MAX_ATTEMPTS, MAX_OWN_WEBHOOKS, MAX_WEBHOOKS
from cloudsvc.webhooks.errors import webhook_not_found
from cloudsvc.webhooks.retrying import begin_again
from cloudsvc.webhooks.webhook import Attempt, Progress, Webhook, WebhookId


@define(eq=False)
class MemoryWebhooks(MemorySteps):
    """See :class:`cloudsvc.webhooks.store.WebhookStore`."""

    async def add_webhook(self, webhook: Webhook) -> Webhook:
        """See :class:`~cloudsvc.webhooks.store.WebhookStore`."""
        accounts = self._accounts
        if webhook.key is not None:
            key = accounts.keys.get(webhook.key)
            if key is None or not key.is_alive(webhook.created_at):
                raise key_ended()
        if webhook.user is not None and webhook.user not in accounts.users:
            raise user_not_found()
        own = [each for each in accounts.webhooks.values() if each.maker == webhook.maker]
        if len(own) >= MAX_OWN_WEBHOOKS:
            raise too_many("webhooks of one owner", MAX_OWN_WEBHOOKS)
        if len(accounts.webhooks) >= MAX_WEBHOOKS:
            raise too_many("webhooks", MAX_WEBHOOKS)
        added = evolve(webhook, revision=accounts.change(adds=True))
        accounts.webhooks[webhook.id] = added
        return added

    async def find_webhook(self, webhook: WebhookId) -> Webhook | None:
        """See :class:`~cloudsvc.webhooks.store.WebhookStore`."""
        return self._accounts.webhooks.get(webhook)

    async def list_webhooks(
        self, limit: int, *, after: WebhookId | None = None, maker: str | None = None
    ) -> Sequence[Webhook]:
        """See :class:`~cloudsvc.webhooks.store.WebhookStore`."""
        webhooks = self._accounts.webhooks
        found = (webhooks[each] for each in sorted(webhooks) if each > (after or ""))
        return [each for each in found if maker is None or each.maker == maker][:limit]

    async def replace_webhook(self, webhook: Webhook, *, begins_again: bool = False) -> Webhook:
        """See :class:`~cloudsvc.webhooks.store.WebhookStore`."""
        kept = self._accounts.webhooks.get(webhook.id)
        if kept is None:
            raise webhook_not_found()
        if kept.revision != webhook.revision:
            raise changed_meanwhile()
        replaced = evolve(
            webhook,
            maker=kept.maker,
            user=kept.user,
            key=kept.key,
            created_at=kept.created_at,
            progress=begin_again(kept.progress) if begins_again else kept.progress,
            revision=self._accounts.change(),
        )
        self._accounts.webhooks[webhook.id] = replaced
        return replaced

    async def remove_webhook(self, webhook: WebhookId) -> None:
        """See :class:`~cloudsvc.webhooks.store.WebhookStore`."""
        if webhook not in self._accounts.webhooks:
            raise webhook_not_found()
        self._accounts.drop_webhooks([webhook])
        self._accounts.change()

    async def remove_orphaned_webhooks(self, limit: int) -> int:
        """See :class:`~cloudsvc.webhooks.store.WebhookStore`."""
        webhooks, keys = self._accounts.webhooks, self._accounts.keys
        orphans = [each for each in sorted(webhooks) if webhooks[each].key not in {None, *keys}][:limit]
        if orphans:
            self._accounts.drop_webhooks(orphans)
            self._accounts.change()
        return len(orphans)

    async def note_progress(
        self, webhook: WebhookId, former: Progress, progress: Progress, attempt: Attempt | None = None
    ) -> bool:
        """See :class:`~cloudsvc.webhooks.store.WebhookStore`."""
        kept = self._accounts.webhooks.get(webhook)
        if kept is None or kept.progress != former:
            return False
        self._accounts.webhooks[webhook] = evolve(kept, progress=progress)
        if attempt is not None:
            await self.note_attempt(webhook, attempt)
        return True

    async def note_attempt(self, webhook: WebhookId, attempt: Attempt) -> None:
        """See :class:`~cloudsvc.webhooks.store.WebhookStore`."""
        if webhook in self._accounts.webhooks:
            kept = self._accounts.attempts.get(webhook, ())
            self._accounts.attempts[webhook] = (attempt, *kept)[:MAX_ATTEMPTS]

    async def list_attempts(self, webhook: WebhookId) -> Sequence[Attempt]:
        """See :class:`~cloudsvc.webhooks.store.WebhookStore`."""
        return [*self._accounts.attempts.get(webhook, ())]
