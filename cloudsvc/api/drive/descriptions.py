"""What the descriptions of several routes have in common."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

NO_FILE: Final = "There is no such file."
CHANGED: Final = "The file is not as a condition of the request demands."
FAILED: Final = "The storage does not work, or requests cannot be counted."
NO_ROOM: Final = "There is no room for it."

BYTES: Final[Mapping[str, Any]] = MappingProxyType({"type": "string", "format": "binary"})
"""The schema of anything."""

WRITE_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "If-Match": "Entity tags, of which the file must have one; `*`: there must be a file.",
        "If-None-Match": "Entity tags, of which the file must have none; `*`: there must be no file.",
        "If-Unmodified-Since": "A date, since which the file must not have changed.",
    }
)
"""Of what changes a file (RFC 9110 section 13.1)."""

READ_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "If-Match": "Entity tags, of which the file must have one.",
        "If-None-Match": "Entity tags that the client has: if the file has one of them, nothing is sent.",
        "If-Modified-Since": "A date: if the file has not changed since then, nothing is sent.",
        "If-Unmodified-Since": "A date, since which the file must not have changed.",
    }
)
"""Of what sends a file."""

RANGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Range": "Which bytes to send, such as `bytes=0-99, -100` (RFC 9110 section 14.2).",
        "If-Range": "The entity tag that the file must have for `Range` to be heeded.",
    }
)

DIGESTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Digest": "The SHA-256 that the content must have (RFC 9530).",
        "Repr-Digest": "The same.",
    }
)
