"""Opening of users, groups and keys for the applications that need them: where their rules and their storage meet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from attrs import frozen

from cloudsvc.access.credentials import CredentialSource
from cloudsvc.access.issued import IssuedCredentials
from cloudsvc.access.openid.parties import RelyingParties
from cloudsvc.access.sessions import SessionCookie
from cloudsvc.access.throttling.counter import Counter
from cloudsvc.access.throttling.passwords import PasswordLimits
from cloudsvc.core.clock import read_clock
from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.locating import Locator
from cloudsvc.extend import Check, Finding, Tools
from cloudsvc.identity.authority import Authority
from cloudsvc.identity.claims import Policy
from cloudsvc.identity.directory import Directory
from cloudsvc.identity.enrolment import Enrolment
from cloudsvc.identity.federation import Federation
from cloudsvc.identity.folders import Folders
from cloudsvc.identity.issuing import Issuer
from cloudsvc.identity.link_resolving import LinkResolver, LinkUses
from cloudsvc.identity.linking import Linker
from cloudsvc.identity.owner import OwnerSwitch
from cloudsvc.identity.passkey_enrolment import PasskeyEnrolment
from cloudsvc.identity.passkey_proof import PasskeyProof
from cloudsvc.identity.passkeys import Names
from cloudsvc.identity.passwords import PASSWORD_THREADS, Passwords
from cloudsvc.identity.resolving import Resolver
from cloudsvc.identity.second_factor import CodeTries, SecondFactor
from cloudsvc.identity.session_resolving import Seen, SessionResolver
from cloudsvc.identity.sessions import is_session
from cloudsvc.identity.settings import IdentitySettings
from cloudsvc.identity.signing_in import SigningIn, Tries
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.visiting import Visits
from cloudsvc.identity.witness import Witness
from cloudsvc.server.accounts import Accounts
from cloudsvc.server.drive_folders import DriveFolders
from cloudsvc.server.engine_metrics import make_meter
from cloudsvc.server.openid import check_providers, make_parties
from cloudsvc.server.provider import Foundation, Provider
from cloudsvc.storage.database.lanes import READER_THREADS
from cloudsvc.storage.identity.opening import OpenIdentityStore, open_identity
from cloudsvc.storage.identity.record import RECORD_NAME, FileRecord

_OLDER: Final = (
    "The accounts are older than those that were here before: no key and no password is let in. See who may do what,"
    " and say `cloudsvc identity accept`."
)


class AllTries(Tries, CodeTries, Protocol):
    """A count of tries of passwords and of codes."""


@frozen(kw_only=True)
class UseCases:
    """All that is done with users, groups and keys."""

    directory: Directory
    issuer: Issuer
    linker: Linker
    signing_in: SigningIn
    second_factor: SecondFactor
    enrolment: Enrolment
    federation: Federation
    owner_switch: OwnerSwitch
    passkeys: PasskeyProof
    passkey_enrolment: PasskeyEnrolment

    @classmethod
    def of(
        cls,
        store: IdentityStore,
        folders: Folders,
        passwords: Passwords,
        settle: Callable[[], Awaitable[object]],
        *,
        seen: Seen,
        tries: AllTries,
        is_trusted: Callable[[], bool],
        policies: Mapping[str, Policy] = MappingProxyType({}),
    ) -> UseCases:
        """
        Those around a store.

        :param settle: as the use-cases take it, like the others.
        :param seen: when sessions were seen last, where that is not written down yet.
        :param policies: of identity providers, by their names.
        """
        authority = Authority(store=store, folders=folders)
        keys = Resolver(store=store, folders=folders, now=read_clock, is_trusted=is_trusted)
        passkeys = PasskeyProof(store=store, now=read_clock, is_trusted=is_trusted)
        enrolment = Enrolment(store=store, authority=authority, now=read_clock, settle=settle)
        return cls(
            directory=Directory(
                store=store, authority=authority, folders=folders, passwords=passwords, now=read_clock, settle=settle
            ),
            issuer=Issuer(store=store, authority=authority, folders=folders, now=read_clock, settle=settle),
            linker=Linker(
                store=store, authority=authority, folders=folders, passwords=passwords, now=read_clock, settle=settle
            ),
            signing_in=SigningIn(
                store=store,
                authority=authority,
                passwords=passwords,
                tries=tries,
                now=read_clock,
                settle=settle,
                is_trusted=is_trusted,
            ),
            second_factor=SecondFactor(
                store=store, passkeys=passkeys, tries=tries, now=read_clock, is_trusted=is_trusted
            ),
            enrolment=enrolment,
            passkeys=passkeys,
            passkey_enrolment=PasskeyEnrolment(store=store, enrolment=enrolment, now=read_clock, settle=settle),
            federation=Federation(
                store=store,
                authority=authority,
                sessions=SessionResolver(store=store, keys=keys, seen=seen, now=read_clock, is_trusted=is_trusted),
                policies=policies,
                now=read_clock,
                settle=settle,
                is_trusted=is_trusted,
            ),
            owner_switch=OwnerSwitch(store=store, authority=authority, settle=settle),
        )


@frozen(kw_only=True)
class OpenIdentity:
    """
    The accounts for other providers, whose rules stand on them. Applications have the use-cases.

    :ivar settle: is awaited after each change: what it has taken from somebody holds when it returns.
    :ivar is_trusted: whether the store is what it was when it was seen last.
    """

    store: OpenIdentityStore
    resolver: Resolver
    authority: Authority
    folders: Folders
    settle: Callable[[], Awaitable[object]]
    is_trusted: Callable[[], bool]


class IdentityProvider(Provider[IdentitySettings]):
    """Opens users, groups and keys, and lets the keys in."""

    name = "identity"
    section = "identity"
    settings_type = IdentitySettings
    opens = (
        Directory,
        Issuer,
        Linker,
        SigningIn,
        SecondFactor,
        Enrolment,
        PasskeyProof,
        PasskeyEnrolment,
        Names,
        Visits,
        OpenIdentity,
        Federation,
        RelyingParties,
        OwnerSwitch,
    )
    needs = (Drive, Locator)

    def __init__(self, settings: IdentitySettings, tools: Tools, foundation: Foundation) -> None:
        super().__init__(settings, tools, foundation)
        self._writer = tools.make_threads(1)
        self._readers = tools.make_threads(READER_THREADS)
        self._passwords = Passwords(tools.make_threads(PASSWORD_THREADS))
        self._cookies = IssuedCredentials(foundation.reactor.seconds, remembers_nobody=True)
        self._counter = Counter(foundation.throttle, tools.now)
        self._parties = make_parties(
            settings.oidc,
            foundation.home,
            reactor=foundation.reactor,
            now=tools.now,
            counter=self._counter,
            make_threads=tools.make_threads,
        )
        self._store: OpenIdentityStore | None = None
        self._witness: Witness | None = None

    async def start(self) -> Mapping[type, object]:
        """
        Open the store, and let keys in.

        :raises OperatorError: it cannot be opened.
        """
        data = self.tools.data.parent
        self._store = store = await open_identity(
            data,
            self.foundation.engines,
            writer=self._writer,
            readers=self._readers,
            reactor=self.foundation.reactor,
            meter=make_meter(self.foundation.engines, self.tools.instruments),
        )
        try:
            return await self._begin(store)
        except BaseException as problem:
            await store.close()
            if isinstance(problem, CloudError):
                raise OperatorError([f"the accounts cannot be opened: {problem.message}"]) from problem
            raise

    async def _begin(self, store: OpenIdentityStore) -> Mapping[type, object]:
        tools = self.tools
        services, record = tools.services, FileRecord(file=tools.data.parent / RECORD_NAME, threads=self._writer)
        folders = DriveFolders(drive=services.get(Drive), locator=services.get(Locator))
        self._witness = witness = Witness(store=store, record=record)
        resolver = Resolver(store=store, folders=folders, now=read_clock, is_trusted=lambda: witness.is_trusted)
        seen, link_uses = Seen(), LinkUses()
        self._accounts = Accounts(
            store=store,
            resolver=resolver,
            sessions=SessionResolver(
                store=store, keys=resolver, seen=seen, now=read_clock, is_trusted=lambda: witness.is_trusted
            ),
            seen=seen,
            links=LinkResolver(store=store, folders=folders, now=read_clock, is_trusted=lambda: witness.is_trusted),
            link_uses=link_uses,
            witness=witness,
            keys=self.foundation.keys,
            keychain=self.foundation.keychain,
            cookies=self._cookies,
            running=self.foundation.running,
            clock=tools.clock,
            now=read_clock,
        )
        await self._accounts.start()
        tries = PasswordLimits(self._counter)
        cases = UseCases.of(
            store,
            folders,
            self._passwords,
            self._accounts.settle,
            seen=seen,
            tries=tries,
            is_trusted=lambda: witness.is_trusted,
            policies={each.name: each.policy for each in self.settings.oidc.providers},
        )
        opened = OpenIdentity(
            store=store,
            resolver=resolver,
            authority=Authority(store=store, folders=folders),
            folders=folders,
            settle=self._accounts.settle,
            is_trusted=lambda: witness.is_trusted,
        )
        visits = Visits(
            store=store,
            passwords=self._passwords,
            tries=tries,
            uses=link_uses,
            look_up=self._accounts.look_up_link,
            now=read_clock,
        )
        return {
            Directory: cases.directory,
            Issuer: cases.issuer,
            Linker: cases.linker,
            SigningIn: cases.signing_in,
            Visits: visits,
            OpenIdentity: opened,
            SecondFactor: cases.second_factor,
            Enrolment: cases.enrolment,
            Federation: cases.federation,
            RelyingParties: self._parties,
            OwnerSwitch: cases.owner_switch,
            PasskeyProof: cases.passkeys,
            PasskeyEnrolment: cases.passkey_enrolment,
            Names: Names(self.foundation.names),
        }

    async def stop(self) -> None:
        """Let no key in any more, and close the store."""
        try:
            await self._accounts.stop()
        finally:
            if self._store is not None:
                await self._store.close()

    def credential_sources(self) -> Sequence[CredentialSource]:
        """Cookies of sessions."""
        return (SessionCookie(self._cookies, is_session),)

    def checks(self) -> Sequence[Check]:
        """Whether the store answers, and whether it is the one that was there before."""
        asked = [check_providers(self._parties)] if self._parties.list_parties() else []
        return (
            Check(name="accounts", vital=False, run=self._ask),
            Check(name="accounts_trusted", vital=False, run=self._ask_trust),
            *asked,
        )

    async def _ask(self) -> Finding:
        if self._store is None:
            return Finding(ok=True, message="The accounts are not open yet.")
        try:
            await self._store.find_standing()
        except CloudError:
            return Finding(ok=False, message="The database of the accounts fails, and the log says why.")
        return Finding(ok=True, message="The database of the accounts answers.")

    async def _ask_trust(self) -> Finding:
        if self._witness is None or self._witness.is_trusted:
            return Finding(ok=True, message="The accounts are those that were here before.")
        return Finding(ok=False, message=_OLDER)
