"""Webhooks of tests."""

from __future__ import annotations

from typing import Any

from cloudsvc.core.secrets import Secret
from cloudsvc.drive.changes import Position
from cloudsvc.webhooks.webhook import Attempt, Outcome, Progress, Webhook, make_webhook_id
from tests.support.identity_stores import BEGINNING

START = Progress(position=Position(epoch="first", number=0))


def make_webhook(**fields: Any) -> Webhook:
    """One that is to be added, of the owner, unless ``fields`` say otherwise."""
    made = {"id": make_webhook_id(), "maker": "owner", "url": "https://example.org/hooks", "progress": START}
    return Webhook(**{"secret": Secret("whsec_c2VjcmV0"), "created_at": BEGINNING, **made, **fields})


def make_attempt(**fields: Any) -> Attempt:
    """One that was answered."""
    made = {"at": BEGINNING, "message": "msg", "kind": "file.created", "outcome": Outcome.DELIVERED}
    return Attempt(**{"status": 204, "milliseconds": 12, **made, **fields})
