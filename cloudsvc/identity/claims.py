"""Claims: what identity providers say of somebody, as the accounts take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from cloudsvc.core.errors import CloudError
from cloudsvc.identity.names import parse_display_name

MAX_TOLD_GROUPS: Final = 10_000
"""Groups of somebody at a provider that are looked at."""


@frozen(kw_only=True)
class Policy:
    """
    What follows from what one provider says.

    :ivar issuer: of the provider.
    :ivar name_claim: which claim is the name of a user who is added.
    :ivar groups_claim: which claim has the groups that somebody is in at the provider.
    :ivar groups: names of groups here, by what they are called there. No others are touched.
    :ivar allowed: groups there, of which somebody has to be in one; empty for everybody.
    :ivar adds_users: whether somebody who is no user yet becomes one.
    """

    issuer: str
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"
    groups: Mapping[str, str] = field(factory=dict)
    allowed: frozenset[str] = frozenset()
    adds_users: bool = False

    @property
    def wants_groups(self) -> bool:
        """Whether anything depends on groups."""
        return bool(self.groups or self.allowed)

    def list_claims(self) -> tuple[str, ...]:
        """Those that it needs, by the names that they have at the top."""
        wanted = (self.name_claim if self.adds_users else "", self.groups_claim if self.wants_groups else "")
        return tuple(each.partition(".")[0] for each in wanted if each)


@frozen(kw_only=True)
class Told:
    """
    Who somebody is, as a provider says.

    :ivar subject: what it calls them, and never anybody else.
    :ivar name: empty where it says none.
    :ivar groups: those they are in at the provider.
    """

    subject: str
    name: str
    display_name: str
    groups: frozenset[str]


def read_claims(claims: Mapping[str, Any], policy: Policy) -> Told:
    """
    What a provider says, of its verified ``claims``. What it does not say of groups, it says that there are none.

    A name of a claim may lead into others: ``realm_access.roles``.
    """
    name, display_name = _find(claims, policy.name_claim), claims.get("name")
    groups = _find(claims, policy.groups_claim)
    told = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return Told(
        subject=str(claims["sub"]),
        name=name if isinstance(name, str) else "",
        display_name=_read_display_name(display_name),
        groups=frozenset(each for each in told[:MAX_TOLD_GROUPS] if isinstance(each, str)),
    )


def _find(claims: Mapping[str, Any], path: str) -> object:
    """What is at ``path``: the claim that is called so, or else what it leads to."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict | Mapping) else None
    return found


def _read_display_name(found: object) -> str:
    """It decides nothing, so that one that is none here is left out."""
    try:
        return parse_display_name(found) if isinstance(found, str) else ""
    except CloudError:
        return ""
