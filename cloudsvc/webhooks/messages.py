"""Messages: what is sent to webhooks, in the form that Standard Webhooks suggests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from attrs import frozen

from cloudsvc.core.clock import Instant, format_microseconds
from cloudsvc.drive.changes import Change, Position
from cloudsvc.webhooks.webhook import WebhookId

EXPIRED: Final = "changes.expired"
"""The type of the message that says that changes were lost to the receiver, which has to list anew."""

TEST: Final = "webhook.test"
"""The type of the message that somebody has asked for."""


@frozen(kw_only=True)
class Event:
    """
    A change as it is told, the same to all who see the same.

    :ivar kind: its type, such as ``file.created``.
    :ivar content: JSON.
    """

    position: Position
    change: Change
    kind: str
    content: bytes

    def __len__(self) -> int:
        return len(self.content)


def make_event(position: Position, change: Change, data: object) -> Event:
    """
    ``change``, which is at ``position``.

    :param data: what is told of it, which JSON can say.
    """
    kind = f"{'folder' if change.is_folder else 'file'}.{change.kind.value}"
    return Event(position=position, change=change, kind=kind, content=write_content(kind, change.at, data))


def write_content(kind: str, at: Instant, data: object) -> bytes:
    """The content of a message: its type, when what it tells happened, and that."""
    return msgspec.json.encode({"type": kind, "timestamp": format_microseconds(at), "data": data})


def write_notice(position: Position, now: Instant) -> bytes:
    """That changes before ``position`` were lost."""
    return write_content(EXPIRED, now, {"position": str(position)})


def write_test(webhook: WebhookId, now: Instant) -> bytes:
    """A message that tells nothing."""
    data: Mapping[str, Any] = {"webhook": webhook}
    return write_content(TEST, now, data)


def name_message(webhook: WebhookId, what: object) -> str:
    """The id of a message: the same whenever the same is sent to the same webhook."""
    return f"msg_{webhook}_{what}"
