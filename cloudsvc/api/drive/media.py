"""Media types: which one a client declares, and how it is told again (RFC 9110 section 8.3)."""

from __future__ import annotations

import re
from typing import Final

from cloudsvc.extend import CloudError, Kind

_LONGEST: Final = 255
"""Characters."""

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
_MEDIA_TYPE: Final = re.compile(rf"({_WORD}/{_WORD})((?:[ \t]*;[ \t]*{_WORD}=(?:{_WORD}|{_QUOTED}))*)[ \t]*").fullmatch

_SAYS_NOTHING: Final = frozenset({"application/octet-stream", "application/x-www-form-urlencoded"})
"""What clients declare that do not know. (The second is what curl says of everything it is not told about.)"""


def parse_media_type(field: str | None) -> str | None:
    """
    The media type that ``field``, a ``Content-Type``, declares of a file, with its parameters; ``None`` where it
    declares nothing that the name of the file would not tell better.

    :raises CloudError: it is no media type.
    """
    if field is None:
        return None
    match = _MEDIA_TYPE(field.strip()) if len(field) <= _LONGEST else None
    if match is None:
        raise CloudError(Kind.INVALID, "invalid_media_type", "The Content-Type is no media type such as image/png.")
    essence, parameters = match[1].lower(), match[2]
    return None if essence in _SAYS_NOTHING else essence + parameters


def essence_of(media_type: str) -> str:
    """``media_type`` without its parameters."""
    return media_type.partition(";")[0].strip()


def spell_content_type(media_type: str) -> tuple[bytes, bytes]:
    """The ``Content-Type`` of a file. Plain text of which nobody has said the encoding is most probably UTF-8."""
    told = "text/plain; charset=utf-8" if media_type == "text/plain" else media_type
    return b"Content-Type", told.encode("ascii", "replace")
