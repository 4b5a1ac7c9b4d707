"""Scopes: which routes one may use, whatever the grants; the server's own, and those of other applications."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from cloudsvc.identity.bounds import MAX_SCOPE, MAX_SCOPES
from cloudsvc.identity.errors import invalid_scope, scope_too_wide, too_many

ALL: Final = "*"
"""Every scope, also of applications that are added later."""

READ_FILES: Final = "files:read"
"""The scope of whoever may see what is in the drive."""

WRITE_FILES: Final = "files:write"
"""The scope of whoever may change it."""

KEY_SCOPES: Final = frozenset({READ_FILES, WRITE_FILES})
"""Those of a key, unless something else is said: the drive's."""

USER_SCOPES: Final = KEY_SCOPES | {"accounts:read", "accounts:write"}
"""Those of a user, unless something else is said: for all of these, grants decide what may be done."""

_SCOPE: Final = re.compile(r"[a-z][a-z0-9_.-]*(?::[a-z0-9_.-]+)*")


def parse_scopes(texts: Iterable[str]) -> frozenset[str]:
    """
    ``texts`` as scopes.

    :raises CloudError: one is none, or there are too many.
    """
    found = frozenset(texts)
    for text in found:
        if text != ALL and not (len(text) <= MAX_SCOPE and _SCOPE.fullmatch(text)):
            raise invalid_scope(text)
    if len(found) > MAX_SCOPES:
        raise too_many("scopes", MAX_SCOPES)
    return found


def meet_scopes(first: frozenset[str], second: frozenset[str]) -> frozenset[str]:
    """What both include."""
    if ALL in first:
        return second
    return first if ALL in second else first & second


def check_scopes(wanted: frozenset[str], held: frozenset[str]) -> None:
    """
    See that ``wanted`` are no more than ``held``.

    :raises CloudError: one is.
    """
    for scope in sorted(wanted):
        if ALL not in held and scope not in held:
            raise scope_too_wide(scope)
