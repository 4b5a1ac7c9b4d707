"""Settings of the accounts: the section ``identity``."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

from attrs import field, frozen
from msgspec import Meta

from cloudsvc.core.errors import CloudError
from cloudsvc.core.structuring import Check
from cloudsvc.identity.claims import Policy
from cloudsvc.identity.names import parse_account_name
from cloudsvc.identity.subjects import MAX_ISSUER

# In Python ``$`` also matches before a last line feed.
_NAME: Final = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$(?!\n)"
_WORD: Final = r"^[\x21\x23-\x5b\x5d-\x7e]+$(?!\n)"


def check_public_url(text: str | None) -> None:
    """``https://cloud.example.org``, ``https://localhost:8443``."""
    if text is not None and not _is_plain(text, has_path=False):
        raise ValueError(f"{text!r} is none; write scheme, host and port alone, like 'https://cloud.example.org'")


def check_issuer(text: str) -> None:
    """``https://login.example.org``, ``https://login.example.org/realms/home``."""
    if not _is_plain(text, has_path=True):
        raise ValueError(
            f"{text!r} is no issuer; write its https:// URL as the provider does, without query or fragment"
        )


def check_group(text: str) -> None:
    """A name of a group."""
    try:
        parse_account_name(text)
    except CloudError as problem:
        raise ValueError(problem.message) from None


def _is_plain(text: str, *, has_path: bool) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    is_bare = not (parts.query or parts.fragment or "?" in text or "#" in text or parts.username is not None)
    is_text = text.isascii() and text.isprintable() and " " not in text
    return is_bare and is_text and parts.scheme == "https" and bool(parts.hostname) and (has_path or not parts.path)


GroupName = Annotated[str, Check(check_group), Meta(min_length=1, max_length=64)]
Claim = Annotated[str, Meta(min_length=1, max_length=128)]
Scope = Annotated[str, Meta(pattern=_WORD, max_length=128)]


@frozen(kw_only=True)
class OpenIDProviderSettings:
    """An identity provider by which users sign in (OpenID Connect)."""

    name: Annotated[
        str, Meta(pattern=_NAME, description="What it is called here: part of the addresses of its routes.")
    ]
    title: Annotated[str, Meta(max_length=64, description="What it is called for people; empty for its name.")] = ""
    issuer: Annotated[
        str,
        Check(check_issuer),
        Meta(min_length=1, max_length=MAX_ISSUER, description="Its URL, to the letter as its metadata says it."),
    ]
    client_id: Annotated[str, Meta(pattern=_WORD, max_length=255, description="What this server is called there.")]
    client_secret_file: Annotated[
        str,
        Meta(
            min_length=1,
            description="File with the client secret, of 16 characters or more: nothing else than it. The provider "
            "makes a random one; a cookie that anybody can ask for is sealed by it.",
        ),
    ]
    ca_file: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="File with certificates of the authorities that may have signed the provider's, instead of "
            "those that everybody trusts."
        ),
    ] = None
    scopes: Annotated[tuple[Scope, ...], Meta(max_length=20, description="What it is asked for.")] = field(
        default=("openid", "profile")
    )
    create_users: Annotated[
        bool, Meta(description="Whether who is no user yet becomes one at the first sign-in, without any roles.")
    ] = False
    name_claim: Annotated[Claim, Meta(description="Which claim is the name of a user who is created.")] = (
        "preferred_username"
    )
    groups_claim: Annotated[
        Claim, Meta(description="Which claim has their groups there. A dot leads into it: `realm_access.roles`.")
    ] = "groups"
    groups: Annotated[
        dict[Annotated[str, Meta(max_length=256)], GroupName],
        Meta(
            max_length=100,
            description="Names of groups here by those of groups there. At each sign-in users are put into these, and "
            "taken out of them, as the provider says; other groups are left alone.",
        ),
    ] = field(factory=dict)
    allowed_groups: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...],
        Meta(
            max_length=100, description="Groups there, of which one has to be in one to sign in. Without any, all may."
        ),
    ] = ()

    @scopes.validator
    def _has_openid(self, _: object, scopes: tuple[str, ...]) -> None:
        if "openid" not in scopes:
            raise ValueError("scopes need 'openid', without which a provider says nothing of who has signed in")

    @property
    def policy(self) -> Policy:
        """What follows from what it says."""
        return Policy(
            issuer=self.issuer,
            name_claim=self.name_claim,
            groups_claim=self.groups_claim,
            groups=self.groups,
            allowed=frozenset(self.allowed_groups),
            adds_users=self.create_users,
        )


@frozen(kw_only=True)
class OpenIDSettings:
    """Signing in by identity providers (OpenID Connect)."""

    public_url: Annotated[
        str | None,
        Check(check_public_url),
        Meta(
            description="Where browsers reach this server, such as `https://cloud.example.org`. Providers send them "
            "back to `/api/sessions/oidc/NAME/callback` there, and have to know that address."
        ),
    ] = None
    providers: Annotated[
        tuple[OpenIDProviderSettings, ...], Meta(max_length=20, description="Those by which users sign in.")
    ] = field(default=())

    @providers.validator
    def _can_be_used(self, _: object, providers: tuple[OpenIDProviderSettings, ...]) -> None:
        if providers and self.public_url is None:
            raise ValueError("providers send browsers back to public_url; set it, such as 'https://cloud.example.org'")
        for what in ("name", "issuer"):
            if len({getattr(each, what) for each in providers}) != len(providers):
                raise ValueError(f"two providers have one {what}; give each its own")


@frozen(kw_only=True)
class IdentitySettings:
    """Users, groups, keys and sessions."""

    oidc: OpenIDSettings = field(factory=OpenIDSettings)
