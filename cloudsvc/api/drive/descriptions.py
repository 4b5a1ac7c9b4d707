"""OpenAPI descriptions that several routes share."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from msgspec import Meta

from cloudsvc.extend import HeaderField
from cloudsvc.extend.drive import MAX_PATH_NAMES

_NAME: Final = r"(?!\.\.?(/|$))[^/\x00-\x1f\x7f-\x9f\u2028\u2029]+"
_PATH: Final = f"{_NAME}(/{_NAME}){{0,{MAX_PATH_NAMES - 1}}}"

# Only described here: `cloudsvc.drive.names` judges, and says why. How long a path may be is a matter of bytes, of
# which JSON Schema knows nothing.
PathText = Annotated[str, Meta(extra_json_schema={"pattern": f"^{_PATH}$"})]
"""A path, which is not the root."""

OptionalPathText = Annotated[str, Meta(extra_json_schema={"pattern": f"^({_PATH})?$"})]
"""A path, or nothing."""

PrefixText = Annotated[str, Meta(extra_json_schema={"pattern": f"^({_PATH})?/?$"})]
"""A path, the root too, with or without a slash at its end."""

PositionText = Annotated[str, Meta(extra_json_schema={"pattern": "^[0-9A-Za-z]{1,64}-(0|[1-9][0-9]{0,18})$"})]
"""A position among the changes."""

_TAG: Final = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\s\x00-\x1f\x7f-\x9f])?$"

# Likewise: `cloudsvc.drive.tags` judges. How long it may be is a setting, which the application adds.
TagText = Annotated[str, Meta(extra_json_schema={"pattern": _TAG})]
"""A tag that may be given to a file."""

NO_FILE: Final = "There is no such file."
CHANGED: Final = "It is not as a condition of the request demands."
FAILED: Final = "The storage does not work or has too much to do, or requests cannot be counted."
NOT_CHANGED: Final = (
    "The storage does not work or has too much to do, or requests cannot be counted; `read_only`: the drive is moving"
    " to other engines, or has moved."
)
NO_RIGHT: Final = "The key lacks the scope `files:write`, or the right to do this there."
NO_ROOM: Final = (
    "There is no room for it: `user_quota_exceeded`, of whoever stores it; `quota_exceeded`, of a folder above;"
    " `no_capacity`, of the drive; `no_space`, on the disk."
)
TOO_MUCH_TO_MOVE: Final = "So much of it would count to another quota that it has to be moved in parts."

SAME_PATH: Final[Mapping[str, str]] = MappingProxyType({"path": "$request.path.path"})
"""How a link names the path of the request."""

_ENTRY: Final[Mapping[str, str]] = MappingProxyType({"number": "$response.body#/trash_id"})
THROWN_AWAY: Final = {"restore": _ENTRY, "purge": _ENTRY}
"""Where it goes on from what was put into the trash."""

WRITE_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "If-Match": "Entity tags, of which the file must have one; `*`: there must be a file.",
        "If-None-Match": "Entity tags, of which the file must have none; `*`: there must be no file.",
        "If-Unmodified-Since": "A date, since which the file must not have changed.",
    }
)
"""Of what changes a file (RFC 9110 section 13.1)."""

FOLDER_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "If-Match": "`*`: there must be a folder. As folders have no entity tags, no folder matches any.",
        "If-None-Match": "`*`: there must be nothing.",
    }
)
"""Of what changes a folder. None has a date of its own to compare (RFC 9110 section 13.1.4)."""

SHORTAGE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Quota-Scope": "Whose quota is used up: `user`, `folder` or `drive`.",
        "Quota-Limit": "How many bytes may be stored there, where one may know.",
        "Quota-Used": "How many bytes are, where one may know.",
    }
)
"""Of the answer that there is no room."""

READ_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "If-Match": "Entity tags, of which the file must have one.",
        "If-None-Match": "Entity tags that the client has: if the file has one of them, nothing is sent.",
        "If-Modified-Since": "A date: if the file has not changed since then, nothing is sent.",
        "If-Unmodified-Since": "A date, since which the file must not have changed.",
    }
)
"""Of what sends a file."""

LOCATION: Final[Mapping[str, str]] = MappingProxyType({"Location": "Where it is, relative to the URL of the request."})
"""Of the answer that something was made (RFC 9110 section 10.2.2)."""

_DATE_TIME: Final = (
    r"^[1-9][0-9]{3}-(0[13578]-31|0[13456789]-(29|30)|1[02]-31|1[012]-(29|30)|02-29|(0[1-9]|1[012])-([01][1-9]|[12]0|2[1-8]))"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""
A date and time of RFC 3339.

It is spelt out since a client that is generated for Python lacks each operation that has a header field with the format
``date-time``.
"""

MODIFIED: Final[Mapping[str, HeaderField]] = MappingProxyType(
    {
        "X-Modified-At": HeaderField(
            text="When the content was last changed (RFC 3339); without it, it is the moment of storing.",
            schema={"type": "string", "pattern": _DATE_TIME},
        ),
        "X-OC-Mtime": HeaderField(
            text="The same in seconds since 1970, as clients of ownCloud and Nextcloud send it.",
            schema={"type": "string", "pattern": r"^[+-]?[0-9]{1,15}(\.[0-9]{1,15})?$"},
        ),
    }
)
"""Of what stores a file."""

ACCEPTED: Final[Mapping[str, str]] = MappingProxyType({"X-OC-Mtime": "`accepted`, where the request had one."})
"""Of the answer that a file was stored."""

STORED: Final[Mapping[str, str]] = MappingProxyType(
    {
        **ACCEPTED,
        "ETag": "The entity tag of what is stored.",
        "Repr-Digest": "The SHA-256 of what is stored (RFC 9530).",
    }
)
"""Of the answer that a file was stored."""

VALIDATORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ETag": "The entity tag of the version.",
        "Last-Modified": "When the file last changed; of an earlier version, when it came to be.",
    }
)
"""Of answers about the content of a file."""

SENT: Final[Mapping[str, str]] = MappingProxyType(
    {
        **VALIDATORS,
        "X-Modified-At": "When the content was last changed, as whoever stored it said (RFC 3339).",
        "Repr-Digest": "The SHA-256 of the whole file (RFC 9530).",
        "Content-Disposition": "The name of the file, and whether to show or to save it.",
        "Accept-Ranges": "`bytes`: parts of the file can be had.",
    }
)
"""Of answers with the content of a file."""

DRAWN: Final[Mapping[str, str]] = MappingProxyType({"ETag": "The entity tag of the thumbnail."})
"""Of answers about a thumbnail."""

RANGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Range": "Which bytes to send, such as `bytes=0-99, -100` (RFC 9110 section 14.2).",
        "If-Range": "The entity tag that the file must have for `Range` to be honoured.",
    }
)

DIGESTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Digest": "The SHA-256 that the content must have (RFC 9530).",
        "Repr-Digest": "The same.",
    }
)

PARTS: Final = {206: "Parts of the file, as `Range` asks.", 304: "It is still what the client has."}
"""Further answers to who asks for a file."""
