"""Accounts in memory with all use-cases, and short ways to have users and keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field

from cloudsvc.access.throttling.counter import Counter
from cloudsvc.access.throttling.passwords import PasswordLimits
from cloudsvc.core.actors import OWNER, Actor, Role
from cloudsvc.core.clock import Instant
from cloudsvc.identity.authority import Authority
from cloudsvc.identity.claims import Policy
from cloudsvc.identity.directory import Directory, UserFields
from cloudsvc.identity.enrolment import Enrolment
from cloudsvc.identity.federation import Federation
from cloudsvc.identity.issuing import Issued, Issuer, KeyFields
from cloudsvc.identity.link_resolving import LinkResolver, LinkUses
from cloudsvc.identity.linking import Linker
from cloudsvc.identity.owner import OwnerSwitch
from cloudsvc.identity.passkey_enrolment import PasskeyEnrolment
from cloudsvc.identity.passkey_proof import PasskeyProof
from cloudsvc.identity.passwords import Passwords
from cloudsvc.identity.resolving import Resolver
from cloudsvc.identity.second_factor import SecondFactor
from cloudsvc.identity.session_resolving import Seen, SessionResolver
from cloudsvc.identity.signing_in import SigningIn
from cloudsvc.identity.users import User
from cloudsvc.identity.visiting import Visits
from cloudsvc.storage.identity.memory import MemoryIdentity
from tests.support.identity_stores import BEGINNING
from tests.support.inline_threads import Inline
from tests.support.plain_folders import PlainFolders

SECOND = 1_000_000


@define(eq=False)
class Office:
    """
    Users, groups and keys, in memory.

    :ivar now: what its clock shows.
    :ivar policies: of identity providers.
    :ivar settled: how often a change was waited for.
    :ivar settle: is awaited then.
    """

    store: MemoryIdentity = field(factory=MemoryIdentity)
    folders: PlainFolders = field(factory=PlainFolders)
    now: Instant = BEGINNING
    owner: Actor = OWNER
    settled: int = 0
    settle: Callable[[], Awaitable[object]] | None = None
    is_trusted: bool = True
    policies: dict[str, Policy] = field(factory=dict)
    directory: Directory = field(init=False)
    issuer: Issuer = field(init=False)
    linker: Linker = field(init=False)
    link_resolver: LinkResolver = field(init=False)
    link_uses: LinkUses = field(init=False, factory=LinkUses)
    visits: Visits = field(init=False)
    resolver: Resolver = field(init=False)
    tries: PasswordLimits = field(init=False)
    signing_in: SigningIn = field(init=False)
    second_factor: SecondFactor = field(init=False)
    enrolment: Enrolment = field(init=False)
    federation: Federation = field(init=False)
    owner_switch: OwnerSwitch = field(init=False)
    passkeys: PasskeyProof = field(init=False)
    passkey_enrolment: PasskeyEnrolment = field(init=False)
    seen: Seen = field(init=False, factory=Seen)
    session_resolver: SessionResolver = field(init=False)

    def __attrs_post_init__(self) -> None:
        authority = Authority(store=self.store, folders=self.folders)
        self.directory = Directory(
            store=self.store,
            authority=authority,
            folders=self.folders,
            passwords=Passwords(Inline()),
            now=lambda: self.now,
            settle=self._settle,
        )
        self.issuer = Issuer(
            store=self.store, authority=authority, folders=self.folders, now=lambda: self.now, settle=self._settle
        )
        self.linker = Linker(
            store=self.store,
            authority=authority,
            folders=self.folders,
            passwords=Passwords(Inline()),
            now=lambda: self.now,
            settle=self._settle,
        )
        self.link_resolver = LinkResolver(
            store=self.store, folders=self.folders, now=lambda: self.now, is_trusted=lambda: self.is_trusted
        )
        self.resolver = Resolver(
            store=self.store, folders=self.folders, now=lambda: self.now, is_trusted=lambda: self.is_trusted
        )

        self.tries = PasswordLimits(Counter(None, lambda: self.now / SECOND))
        self.signing_in = SigningIn(
            store=self.store,
            authority=authority,
            passwords=Passwords(Inline()),
            tries=self.tries,
            now=lambda: self.now,
            settle=self._settle,
            is_trusted=lambda: self.is_trusted,
        )
        self.passkeys = PasskeyProof(store=self.store, now=lambda: self.now, is_trusted=lambda: self.is_trusted)
        self.second_factor = SecondFactor(
            store=self.store,
            passkeys=self.passkeys,
            tries=self.tries,
            now=lambda: self.now,
            is_trusted=lambda: self.is_trusted,
        )
        self.enrolment = Enrolment(store=self.store, authority=authority, now=lambda: self.now, settle=self._settle)
        self.visits = Visits(
            store=self.store,
            passwords=Passwords(Inline()),
            tries=self.tries,
            uses=self.link_uses,
            look_up=self.link_resolver.resolve,
            now=lambda: self.now,
        )
        self.session_resolver = SessionResolver(
            store=self.store,
            keys=self.resolver,
            seen=self.seen,
            now=lambda: self.now,
            is_trusted=lambda: self.is_trusted,
        )
        self.federation = Federation(
            store=self.store,
            authority=authority,
            sessions=self.session_resolver,
            policies=self.policies,
            now=lambda: self.now,
            settle=self._settle,
            is_trusted=lambda: self.is_trusted,
        )
        self.owner_switch = OwnerSwitch(store=self.store, authority=authority, settle=self._settle)
        self.passkey_enrolment = PasskeyEnrolment(
            store=self.store, enrolment=self.enrolment, now=lambda: self.now, settle=self._settle
        )

    async def _settle(self) -> None:
        self.settled += 1
        if self.settle is not None:
            await self.settle()

    async def add_user(self, name: str, *roles: tuple[str, Role], **fields: Any) -> User:
        """A user with roles on the folders at paths."""
        user = await self.directory.add_user(OWNER, name, UserFields(**fields))
        for path, role in roles:
            user = (await self.directory.grant_role(OWNER, name, path, role)).user
        return user

    async def issue(self, user: str, *roles: tuple[str, Role], **fields: Any) -> Issued:
        """A key of a user, for all that they may or for roles on some folders."""
        asked = KeyFields(roles=roles or None, **fields)
        return await self.issuer.issue(OWNER, asked, user=user)

    async def resolve(self, issued: Issued) -> Actor | None:
        """Who acts by a key now."""
        found = await self.resolver.resolve(issued.made.text.reveal().encode())
        return None if found is None else found.actor

    async def act(self, name: str) -> Actor:
        """A user, by a key for all that they may with all their scopes."""
        user = await self.directory.find_user(OWNER, name)
        issued = await self.issue(name, scopes=tuple(user.scopes))
        actor = await self.resolve(issued)
        assert actor is not None
        return actor
