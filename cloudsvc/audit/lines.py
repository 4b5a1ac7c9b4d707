"""Lines of the audit: an entry as a line of JSON (RFC 8259), with all that its digest covers."""

from __future__ import annotations

import json
from typing import Any, Final

from cloudsvc.audit.chain import Head, parse_head
from cloudsvc.audit.entries import Entry

FIRST_OF_LINE: Final = b'{"number": '
"""How each line begins."""

MAX_LINE: Final = 32 * 1024
"""Bytes of a line: more than the longest texts take, however they are escaped."""


def write_line(entry: Entry) -> bytes:
    """``entry`` as a line in UTF-8, with its end."""
    event = entry.event
    said = {
        "number": entry.number,
        "at": event.at,
        "actor": event.actor,
        "credential": event.credential,
        "key": event.key,
        "client": event.client,
        "request": event.request,
        "action": event.action,
        "target": event.target,
        "target_id": event.target_id,
        "outcome": event.outcome.value,
        "status": event.status,
        "count": event.count,
        "digest": entry.digest.hex(),
    }
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def read_head(line: bytes) -> Head | None:
    """Of which entry ``line`` is; ``None`` where it is none of :func:`write_line`'s."""
    try:
        said: Any = json.loads(line)
        return parse_head(f"{said['number']}:{said['digest']}")
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
