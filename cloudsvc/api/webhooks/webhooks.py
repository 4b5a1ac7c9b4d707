"""Webhook routes: webhooks are made, listed, changed, rotated, tried and removed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from attrs import field, frozen
from msgspec import Meta

from cloudsvc.api.drive.descriptions import OptionalPathText
from cloudsvc.api.drive.messages import KindOfChange
from cloudsvc.api.identity.descriptions import FAILED, DisplayText, ListQuery, NoQuery
from cloudsvc.api.webhooks.messages import (
    AttemptEntry,
    AttemptMessage,
    AttemptsMessage,
    SecretMessage,
    WebhookEntry,
    WebhookMessage,
    WebhookPage,
)
from cloudsvc.extend import (
    Klein,
    Message,
    Request,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authorized,
    route,
    throttled,
)
from cloudsvc.extend.drive import ChangeKind
from cloudsvc.extend.webhooks import MAX_OVERLAP, MAX_URL, Webhook, WebhookFields, Webhooks, make_url_pattern

READ: Final = "webhooks:read"
"""The scope of whoever may see webhooks, as far as they may at all."""

WRITE: Final = "webhooks:write"
"""The scope of whoever may have messages sent."""

_NO_WEBHOOK: Final = "There is no such webhook."
_NO_FOLDER: Final = "There is no such folder."
_NEITHER: Final = "There is no such webhook, or folder."
_NO_RIGHT: Final = "The key lacks the scope, or the webhook was not made by the same user and key."
_IN_THE_WAY: Final = "Somebody else has changed the same meanwhile, or there are too many."
_BUSY: Final = f"{FAILED} `too_many_tests`: too many messages of this kind are on their way."

WebhookText = Annotated[str, Meta(min_length=24, max_length=24)]
"""The id of a webhook."""

Kinds = Annotated[tuple[KindOfChange, ...], Meta(max_length=len(KindOfChange))]
"""Kinds of changes."""

UrlText = Annotated[str, Meta(min_length=1, max_length=MAX_URL, extra_json_schema={"pattern": make_url_pattern()})]
"""Where messages go."""


@frozen(kw_only=True)
class WebhookChanges:
    """
    What is said of a webhook; what is left out stays as it is.

    :ivar url: Where messages go: `https://`, to a public address, unless the server allows others.
    :ivar kinds: Of which changes it is told; none for all.
    :ivar folder: The path of the folder of whose changes it is told, and of what is below it; empty for all.
    :ivar disabled: Whether nothing is sent. `false` also begins anew where it was given up.
    """

    url: UrlText | None = field(default=None, repr=False)
    label: DisplayText | None = None
    kinds: Kinds | None = None
    folder: OptionalPathText | None = None
    disabled: bool | None = None

    def read(self) -> WebhookFields:
        """It as the use-cases take it."""
        return WebhookFields(
            url=self.url,
            label=self.label,
            kinds=None if self.kinds is None else [ChangeKind(each.value) for each in self.kinds],
            path=self.folder,
            disabled=self.disabled,
        )


@frozen(kw_only=True)
class NewWebhook:
    """
    A webhook.

    :ivar url: Where messages go: `https://`, to a public address, unless the server allows others.
    :ivar kinds: Of which changes it is told; none for all.
    :ivar folder: The path of the folder of whose changes it is told, and of what is below it; empty for all.
    """

    url: UrlText = field(repr=False)
    label: DisplayText = ""
    kinds: Kinds = ()
    folder: OptionalPathText = ""
    disabled: bool = False

    def read(self) -> WebhookFields:
        """It as the use-cases take it, but for the URL."""
        return WebhookFields(
            label=self.label,
            kinds=[ChangeKind(each.value) for each in self.kinds],
            path=self.folder,
            disabled=self.disabled,
        )


@frozen(kw_only=True)
class SecretRotation:
    """
    How the former secret ends.

    :ivar overlap_seconds: For how long messages are signed with both.
    """

    overlap_seconds: Annotated[int, Meta(ge=0, le=MAX_OVERLAP)] = 86_400


@frozen(kw_only=True)
class WebhookRoutes:
    """``/webhooks`` and ``/webhooks/{id}``: one's own, and everybody's for who manages the accounts."""

    app: ClassVar[Klein] = Klein()
    webhooks: Webhooks

    @route(app, "GET", "/webhooks", errors={503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(ListQuery)
    async def list_webhooks(self, request: Request, query: ListQuery) -> WebhookPage:
        """List webhooks by their ids, without their secrets."""
        found = await self.webhooks.list_webhooks(request.actor, query.limit + 1, after=query.cursor)
        page = found[: query.limit]
        paths = await self.webhooks.tell_paths(request.actor, page)
        return WebhookPage(
            message="Webhooks listed.",
            webhooks=tuple(WebhookEntry.of(each, paths) for each in page),
            cursor=page[-1].id if len(found) > len(page) else None,
        )

    @route(
        app,
        "POST",
        "/webhooks",
        status=201,
        errors={403: _NO_RIGHT, 404: _NO_FOLDER, 409: _IN_THE_WAY, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(NewWebhook)
    async def add_webhook(self, request: Request, query: NoQuery, body: NewWebhook) -> SecretMessage:
        """Make a webhook, which is told what happens from now on. Its secret is told in this answer alone."""
        made = await self.webhooks.make(request.actor, body.url, body.read())
        return await self._tell_secret(request, "Webhook made: keep the secret, it is not shown again.", made)

    @route(app, "GET", "/webhooks/<webhook>", errors={404: _NO_WEBHOOK, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    async def get_webhook(self, request: Request, webhook: WebhookText, query: NoQuery) -> WebhookMessage:
        """Show a webhook, without its secret."""
        return await self._tell(request, "Webhook found.", await self.webhooks.find(request.actor, webhook))

    @route(app, "PATCH", "/webhooks/<webhook>", errors={403: _NO_RIGHT, 404: _NEITHER, 409: _IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(WebhookChanges)
    async def patch_webhook(
        self, request: Request, webhook: WebhookText, query: NoQuery, body: WebhookChanges
    ) -> WebhookMessage:
        """Change a webhook. A key changes those alone that were made by it."""
        changed = await self.webhooks.edit(request.actor, webhook, body.read())
        return await self._tell(request, "Webhook changed.", changed)

    @route(app, "DELETE", "/webhooks/<webhook>", errors={404: _NO_WEBHOOK, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def remove_webhook(self, request: Request, webhook: WebhookText, query: NoQuery) -> Message:
        """Remove a webhook. Nothing is sent to it any more within a second."""
        await self.webhooks.remove(request.actor, webhook)
        return Message(message="Webhook removed.")

    @route(
        app,
        "POST",
        "/webhooks/<webhook>/rotate",
        errors={403: _NO_RIGHT, 404: _NO_WEBHOOK, 409: _IN_THE_WAY, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(SecretRotation)
    async def rotate_secret(
        self, request: Request, webhook: WebhookText, query: NoQuery, body: SecretRotation
    ) -> SecretMessage:
        """Give a webhook another secret. Messages are signed with both for a while."""
        rotated = await self.webhooks.rotate(request.actor, webhook, body.overlap_seconds)
        return await self._tell_secret(request, "Secret rotated: keep the new one, it is not shown again.", rotated)

    @route(app, "POST", "/webhooks/<webhook>/test", errors={403: _NO_RIGHT, 404: _NO_WEBHOOK, 503: _BUSY})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def test_webhook(self, request: Request, webhook: WebhookText, query: NoQuery) -> AttemptMessage:
        """Send a message that tells nothing, once, and answer what came of it."""
        attempt = await self.webhooks.test(request.actor, webhook)
        return AttemptMessage(message="Message sent.", attempt=AttemptEntry.of(attempt))

    @route(app, "GET", "/webhooks/<webhook>/deliveries", errors={404: _NO_WEBHOOK, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    async def list_deliveries(self, request: Request, webhook: WebhookText, query: NoQuery) -> AttemptsMessage:
        """List the last attempts to deliver something, the latest first."""
        found = await self.webhooks.list_attempts(request.actor, webhook)
        return AttemptsMessage(message="Attempts listed.", attempts=tuple(map(AttemptEntry.of, found)))

    async def _tell(self, request: Request, message: str, webhook: Webhook) -> WebhookMessage:
        paths = await self.webhooks.tell_paths(request.actor, [webhook])
        return WebhookMessage(message=message, webhook=WebhookEntry.of(webhook, paths))

    async def _tell_secret(self, request: Request, message: str, webhook: Webhook) -> SecretMessage:
        request.target_id = str(webhook.id)
        paths = await self.webhooks.tell_paths(request.actor, [webhook])
        return SecretMessage(message=message, webhook=WebhookEntry.of(webhook, paths), secret=webhook.secret.reveal())
