"""Parameters, header fields and errors that several routes of accounts share, and their scopes."""

from __future__ import annotations

from typing import Annotated, Final

from attrs import frozen
from msgspec import Meta

from cloudsvc.api.drive.descriptions import OptionalPathText
from cloudsvc.api.moments import MOMENT_PATTERN
from cloudsvc.extend import Role, Secret
from cloudsvc.extend.identity import MAX_DISPLAY_NAME, MAX_NAME, MAX_PASSWORD, MAX_SCOPE, MAX_SCOPES, MIN_PASSWORD

READ: Final = "accounts:read"
"""The scope of whoever may see users, groups and keys, as far as they may at all."""

WRITE: Final = "accounts:write"
"""The scope of whoever may change them."""

NO_RIGHT: Final = "The key lacks the scope, or one may not do this."
NO_USER: Final = "There is no such user, or folder."
NO_GROUP: Final = "There is no such group, or folder."
NO_KEY: Final = "There is no such key."
TAKEN: Final = "The name is taken, or looks like one that is; or there are too many."
IN_THE_WAY: Final = (
    "Somebody else has changed the same meanwhile, there are too many, or nobody would be left to manage the accounts."
)
LAST: Final = "Nobody would be left to manage the accounts."
FAILED: Final = "The storage does not work or has too much to do, or requests cannot be counted."

# Only described here: `cloudsvc.identity.names` judges, and says why.
NameText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_NAME,
        extra_json_schema={"pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"},
    ),
]
"""A name of a user, a group or a program."""

_HIDDEN: Final = r"\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
DisplayText = Annotated[str, Meta(max_length=MAX_DISPLAY_NAME, extra_json_schema={"pattern": f"^[^{_HIDDEN}]*$"})]
"""A name for people, or a label."""

_SCOPE: Final = r"^(\*|[a-z][a-z0-9_.-]*(:[a-z0-9_.-]+)*)$"
ScopeText = Annotated[str, Meta(min_length=1, max_length=MAX_SCOPE, extra_json_schema={"pattern": _SCOPE})]
"""A scope."""

ScopeTexts = Annotated[tuple[ScopeText, ...], Meta(max_length=MAX_SCOPES)]
"""Scopes."""

ExpiryText = Annotated[str, Meta(extra_json_schema={"pattern": f"^({MOMENT_PATTERN})?$"})]
"""A moment as RFC 3339 writes it, or nothing."""

FolderNumber = Annotated[int, Meta(ge=1, le=2**63 - 1)]
"""The id of a folder."""


_PASSWORD: Final = rf"^([^\x00-\x1f\x7f-\x9f]{{{MIN_PASSWORD},}})?$"
# What is wrong with a body is told with the value, but for those of this type.
PasswordText = Annotated[Secret, Meta(extra_json_schema={"pattern": _PASSWORD, "maxLength": MAX_PASSWORD})]
"""A password, or nothing."""


@frozen(kw_only=True)
class NoQuery:
    """Nothing."""


@frozen(kw_only=True)
class ListQuery:
    """Which part of a list to give."""

    limit: Annotated[int, Meta(ge=1, le=100, description="How many entries at most.")] = 100
    cursor: Annotated[
        Annotated[str, Meta(pattern=r"^[0-9A-Za-z._-]{1,128}$")] | None,
        Meta(description="From the page before; without it, the first page."),
    ] = None


@frozen(kw_only=True)
class RoleOnPath:
    """
    A role on a folder, and on all that is in it.

    :ivar path: Of the folder; empty for the root.
    """

    path: OptionalPathText
    role: Role
