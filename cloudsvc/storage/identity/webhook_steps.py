"""Webhooks in the store of accounts in a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from attrs import define

from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.reading import ReadingConnection
from cloudsvc.storage.identity import webhooks
from cloudsvc.storage.identity.steps import Steps
from cloudsvc.webhooks.webhook import Attempt, Progress, Webhook, WebhookId

C = TypeVar("C", bound=ReadingConnection)


@define(eq=False, kw_only=True)
class WebhookSteps(Steps[C]):
    """A :class:`cloudsvc.webhooks.store.WebhookStore` in a database."""

    async def add_webhook(self, webhook: Webhook) -> Webhook:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.add_webhook`."""
        return await self._change(lambda connection: webhooks.add_webhook(connection, webhook))

    async def find_webhook(self, webhook: WebhookId) -> Webhook | None:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.find_webhook`."""
        return await self._readers.run(lambda connection: webhooks.find_webhook(connection, webhook))

    async def list_webhooks(
        self, limit: int, *, after: WebhookId | None = None, maker: str | None = None
    ) -> Sequence[Webhook]:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.list_webhooks`."""
        return await self._readers.run(
            lambda connection: webhooks.list_webhooks(connection, limit, after, maker), Lane.PAGES
        )

    async def replace_webhook(self, webhook: Webhook, *, begins_again: bool = False) -> Webhook:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.replace_webhook`."""
        return await self._change(
            lambda connection: webhooks.replace_webhook(connection, webhook, begins_again=begins_again)
        )

    async def remove_webhook(self, webhook: WebhookId) -> None:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.remove_webhook`."""
        await self._change(lambda connection: webhooks.remove_webhook(connection, webhook))

    async def remove_orphaned_webhooks(self, limit: int) -> int:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.remove_orphaned_webhooks`."""
        return await self._change(lambda connection: webhooks.remove_orphaned_webhooks(connection, limit))

    async def note_progress(
        self, webhook: WebhookId, former: Progress, progress: Progress, attempt: Attempt | None = None
    ) -> bool:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.note_progress`."""
        return await self._writer.run(
            lambda connection: webhooks.note_progress(connection, webhook, former, progress, attempt)
        )

    async def note_attempt(self, webhook: WebhookId, attempt: Attempt) -> None:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.note_attempt`."""
        await self._writer.run(lambda connection: webhooks.note_attempt(connection, webhook, attempt))

    async def list_attempts(self, webhook: WebhookId) -> Sequence[Attempt]:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.list_attempts`."""
        return await self._readers.run(lambda connection: webhooks.list_attempts(connection, webhook), Lane.PAGES)
