"""Rows of webhooks as values, and values as rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cloudsvc.core.secrets import Secret
from cloudsvc.drive.changes import ChangeKind, Position
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.users import UserId
from cloudsvc.storage.identity.schema import webhook
from cloudsvc.webhooks.webhook import Progress, Stop, Webhook, WebhookId

READ: Final = tuple(column.name for column in webhook.columns if column.name != "attempts")
"""Columns of which a webhook is made."""

REPLACED: Final = ("url", "label", "kinds", "folder", "secret", "former_secret", "former_until", "is_disabled")
"""Columns of what may be said of one anew."""

PROGRESS: Final = (
    *("epoch", "number", "owes_notice", "is_paused", "stop"),
    *("delivered_at", "failures", "failing_since", "next_try"),
)
"""Columns of how far one has come."""


def write_webhook(written: Webhook) -> Mapping[str, Any]:
    """The columns :data:`REPLACED`."""
    return {
        "url": written.url,
        "label": written.label,
        "kinds": json.dumps(sorted(kind.value for kind in written.kinds)),
        "folder": written.folder,
        "secret": written.secret.reveal(),
        "former_secret": None if written.former_secret is None else written.former_secret.reveal(),
        "former_until": written.former_until,
        "is_disabled": int(written.is_disabled),
    }


def write_progress(progress: Progress) -> Mapping[str, Any]:
    """The columns :data:`PROGRESS`."""
    return {
        "epoch": progress.position.epoch,
        "number": progress.position.number,
        "owes_notice": int(progress.owes_notice),
        "is_paused": int(progress.is_paused),
        "stop": None if progress.stop is None else progress.stop.value,
        "delivered_at": progress.delivered_at,
        "failures": progress.failures,
        "failing_since": progress.failing_since,
        "next_try": progress.next_try,
    }


def read_webhook(row: Sequence[Any]) -> Webhook:
    """A webhook of the columns :data:`READ`."""
    found = dict(zip(READ, row, strict=True))
    former = found["former_secret"]
    return Webhook(
        id=WebhookId(found["id"]),
        maker=found["maker"],
        user=None if found["user_id"] is None else UserId(found["user_id"]),
        key=None if found["key_id"] is None else KeyId(found["key_id"]),
        url=found["url"],
        label=found["label"],
        kinds=frozenset(map(ChangeKind, json.loads(found["kinds"]))),
        folder=found["folder"],
        secret=Secret(found["secret"]),
        former_secret=None if former is None else Secret(former),
        former_until=found["former_until"],
        is_disabled=bool(found["is_disabled"]),
        created_at=found["created_at"],
        revision=Revision(found["revision"]),
        progress=_read_progress(found),
    )


def _read_progress(found: Mapping[str, Any]) -> Progress:
    return Progress(
        position=Position(epoch=found["epoch"], number=found["number"]),
        owes_notice=bool(found["owes_notice"]),
        is_paused=bool(found["is_paused"]),
        stop=None if found["stop"] is None else Stop(found["stop"]),
        delivered_at=found["delivered_at"],
        failures=found["failures"],
        failing_since=found["failing_since"],
        next_try=found["next_try"],
    )
