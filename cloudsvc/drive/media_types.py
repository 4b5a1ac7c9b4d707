"""Media types of files: what one may be, and which one a name tells (RFC 9110 section 8.3)."""

from __future__ import annotations

import mimetypes
import re
from typing import Final

from cloudsvc.drive.errors import invalid_media_type
from cloudsvc.drive.names import Path

UNKNOWN_TYPE: Final = "application/octet-stream"

_LONGEST: Final = 255
"""Characters."""

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
_PARAMETER: Final = rf"{_WORD}=(?:{_WORD}|{_QUOTED})"
_MEDIA_TYPE: Final = re.compile(rf"({_WORD}/{_WORD})((?:[ \t]*;[ \t]*{_PARAMETER})*)").fullmatch
_list_parameters: Final = re.compile(_PARAMETER).findall


def parse_media_type(text: str) -> str:
    """
    The media type ``text`` with its parameters, spelt as RFC 9110 section 8.3.1 prefers: ``text/html;charset=utf-8``.

    :raises CloudError: it is none, or too long.
    """
    match = _MEDIA_TYPE(text.strip(" \t")) if len(text) <= _LONGEST else None
    if match is None:
        raise invalid_media_type()
    return ";".join([match[1].lower(), *_list_parameters(match[2])])


def essence_of(media_type: str) -> str:
    """``media_type`` without its parameters."""
    return media_type.partition(";")[0].strip()


def guess_type(path: Path) -> str:
    """The media type that the name of ``path`` tells, or ``application/octet-stream``."""
    kind, encoding = mimetypes.guess_type(path.name.text)
    return UNKNOWN_TYPE if kind is None or encoding is not None else kind.lower()
