"""Media types in header fields: which one a client declares, and how it is told again (RFC 9110 section 8.3)."""

from __future__ import annotations

from typing import Final

from cloudsvc.drive.media_types import UNKNOWN_TYPE, essence_of, parse_media_type

_SAYS_NOTHING: Final = frozenset({UNKNOWN_TYPE, "application/x-www-form-urlencoded"})
"""What clients declare that do not know. (The second is what curl says of everything it is not told about.)"""


def read_declared_type(field: str | None) -> str | None:
    """
    The media type that ``field``, a ``Content-Type``, declares of a file, with its parameters; ``None`` where it
    declares nothing that the name of the file would not tell better.

    :raises CloudError: it is no media type.
    """
    if field is None:
        return None
    declared = parse_media_type(field)
    return None if essence_of(declared) in _SAYS_NOTHING else declared


def spell_content_type(media_type: str) -> tuple[bytes, bytes]:
    """The ``Content-Type`` of a file. Plain text of which nobody has said the encoding is most probably UTF-8."""
    told = "text/plain; charset=utf-8" if media_type == "text/plain" else media_type
    return b"Content-Type", told.encode("ascii", "replace")
