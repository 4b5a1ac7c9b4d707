"""Media types of files: the valid ones, and those that a name implies (RFC 9110 section 8.3)."""

from __future__ import annotations

import re
from typing import Final

from cloudsvc.core.file_types import find_type
from cloudsvc.drive.errors import invalid_media_type
from cloudsvc.drive.names import DrivePath

UNKNOWN_TYPE: Final = "application/octet-stream"

_LONGEST: Final = 255
"""Characters of what is kept."""

_LONGEST_GIVEN: Final = 4096
"""Characters of what is looked at."""

# A range such as `image/*` says what somebody would accept (RFC 9110 section 12.5.1); it is the type of nothing.
_NAME: Final = r"[!#$%&'+.^_`|~0-9A-Za-z-]++"
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_QUOTED: Final = r'"(?:[\t !#-\[\]-~\x80-\U0010ffff]|\\[\t -~\x80-\U0010ffff])*+"'
_PARAMETER: Final = rf"{_WORD}=(?:{_WORD}|{_QUOTED})"
# Nothing is ever tried in a second way, so that the time is linear in the length.
_MEDIA_TYPE: Final = re.compile(rf"({_NAME}/{_NAME})((?:[ \t]*+;[ \t]*+(?:{_PARAMETER})?+)*+)[ \t]*+").fullmatch
_list_parameters: Final = re.compile(_PARAMETER).findall


def parse_media_type(text: str) -> str:
    """
    The media type ``text`` with its parameters, spelt as RFC 9110 section 8.3.1 prefers: ``text/html;charset=utf-8``.

    Empty parameters mean nothing (section 5.6.6) and are left out, and so are those that have other characters than
    ASCII in their values, of which nobody knows the encoding (section 5.5).

    :raises CloudError: it is none, is a range of them, or too long.
    """
    match = _MEDIA_TYPE(text.strip(" \t")) if len(text) <= _LONGEST_GIVEN else None
    if match is None:
        raise invalid_media_type()
    parameters = [parameter for parameter in _list_parameters(match[2]) if parameter.isascii()]
    media_type = ";".join([match[1].lower(), *parameters])
    if len(media_type) > _LONGEST:
        raise invalid_media_type()
    return media_type


def essence_of(media_type: str) -> str:
    """``media_type`` without its parameters."""
    return media_type.partition(";")[0].strip()


def guess_type(path: DrivePath) -> str:
    """The media type that the name of ``path`` tells, or ``application/octet-stream``."""
    return find_type(path.name.text) or UNKNOWN_TYPE
