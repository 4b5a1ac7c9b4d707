"""The HTTP API of webhooks as an application."""

from __future__ import annotations

from collections.abc import Sequence

from cloudsvc.api.webhooks.webhooks import WebhookRoutes
from cloudsvc.extend import Application, Routes
from cloudsvc.extend.webhooks import Webhooks, WebhookSettings


class WebhookApplication(Application[WebhookSettings]):
    """Webhooks: made, changed, tried, removed."""

    name = "webhooks"
    mounts = ("webhooks",)
    settings_type = WebhookSettings
    needs = (Webhooks,)
    route_types = (WebhookRoutes,)

    def make_routes(self) -> Sequence[Routes]:
        """All of them, around the same webhooks."""
        return (WebhookRoutes(webhooks=self.tools.services.get(Webhooks)),)
