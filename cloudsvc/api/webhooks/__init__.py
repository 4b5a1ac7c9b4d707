"""HTTP API of webhooks."""

from __future__ import annotations

from cloudsvc.api.webhooks.application import WebhookApplication

__all__ = ["WebhookApplication"]
