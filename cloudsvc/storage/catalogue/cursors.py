"""Page cursors: where the next page begins, as text that only this catalogue understands."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from cloudsvc.drive.errors import bad_cursor


def write_cursor(kind: str, *values: str | int) -> str:
    """A cursor of a list of this kind, after the item with these values."""
    text = json.dumps([kind, *values], ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, kind: str, *types: type[str] | type[int]) -> Sequence[str | int] | None:
    """
    The values in ``cursor``; ``None`` where there is none.

    :raises CloudError: no page of such a list gave it.
    """
    if cursor is None:
        return None
    try:
        found = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        json.dumps(found, ensure_ascii=False).encode()  # halves of characters are no text
    except (ValueError, RecursionError):
        raise bad_cursor() from None
    if not isinstance(found, list) or [type(each) for each in found] != [str, *types] or found[0] != kind:
        raise bad_cursor()
    if any(isinstance(each, int) and abs(each) >= 2**63 for each in found):
        raise bad_cursor()
    return found[1:]
