"""Public interface of webhooks for front ends."""

from __future__ import annotations

from cloudsvc.outbound.urls import MAX_URL, make_url_pattern
from cloudsvc.webhooks.bounds import MAX_ATTEMPTS, MAX_OVERLAP
from cloudsvc.webhooks.keeping import WebhookFields, Webhooks
from cloudsvc.webhooks.settings import WebhookSettings
from cloudsvc.webhooks.webhook import Attempt, Outcome, State, Webhook

__all__ = [
    "MAX_ATTEMPTS",
    "MAX_OVERLAP",
    "MAX_URL",
    "Attempt",
    "Outcome",
    "State",
    "Webhook",
    "WebhookFields",
    "WebhookSettings",
    "Webhooks",
    "make_url_pattern",
]
