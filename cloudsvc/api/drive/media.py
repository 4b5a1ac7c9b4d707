"""Media types in header fields, declared by clients and reported to them (RFC 9110 section 8.3)."""

from __future__ import annotations

from typing import Final

from cloudsvc.extend import CloudError, Kind
from cloudsvc.extend.drive import UNKNOWN_TYPE, essence_of, parse_media_type

_SAYS_NOTHING: Final = frozenset({UNKNOWN_TYPE, "application/x-www-form-urlencoded"})
"""What clients declare that do not know. (The second is what curl says of everything it is not told about.)"""

_ENVELOPES: Final = frozenset({"multipart/form-data", "multipart/byteranges"})
"""
What is wrapped around files for the transport. Stored, it would be a file that nobody sent, with delimiters in it.

Other multipart types can be files: a saved page with its pictures is ``multipart/related``.
"""


def read_declared_type(field: str | None) -> str | None:
    """
    The media type that ``field``, a ``Content-Type``, declares of a file, with its parameters; ``None`` where it
    declares nothing that the name of the file would not tell better.

    :raises CloudError: it is no media type, or that of an envelope around files.
    """
    if field is None or not field.strip(" \t"):
        return None
    if (essence := essence_of(field).lower()) in _ENVELOPES:
        message = (
            f"{essence} is an envelope around files, not a file: POST the form, "
            "or PUT the bytes of the file with their own Content-Type, or with none."
        )
        raise CloudError(Kind.UNSUPPORTED_TYPE, "wrapped_content", message)
    return None if essence in _SAYS_NOTHING else parse_media_type(field)


def format_content_type(media_type: str) -> tuple[bytes, bytes]:
    """The ``Content-Type`` of a file. Plain text of which nobody has said the encoding is most probably UTF-8."""
    told = "text/plain; charset=utf-8" if media_type == "text/plain" else media_type
    return b"Content-Type", told.encode("ascii", "replace")
