"""The routes of accounts in memory, reached over channels in memory, with keys that let in to them."""

from __future__ import annotations

import json
from typing import Any, cast

from attrs import define, evolve, field
from twisted.internet.task import Clock

from cloudsvc.access.credentials import BearerToken, KeyHeader
from cloudsvc.access.issued import IssuedCredentials
from cloudsvc.access.keychain import Keychain
from cloudsvc.access.keys import KeyRing, hash_token
from cloudsvc.access.openid.limits import SignInLimits
from cloudsvc.access.openid.parties import RelyingParties
from cloudsvc.access.sessions import SessionCookie
from cloudsvc.access.throttling import Throttle
from cloudsvc.access.throttling.counter import Counter
from cloudsvc.api.identity import IdentityApplication
from cloudsvc.core.actors import Role
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.errors import storage_failed
from cloudsvc.extend import Routes, Services, Tools
from cloudsvc.identity.directory import Directory
from cloudsvc.identity.enrolment import Enrolment
from cloudsvc.identity.federation import Federation
from cloudsvc.identity.issuing import Issuer
from cloudsvc.identity.linking import Linker
from cloudsvc.identity.owner import OwnerSwitch
from cloudsvc.identity.passkey_enrolment import PasskeyEnrolment
from cloudsvc.identity.passkey_proof import PasskeyProof
from cloudsvc.identity.passkeys import Names
from cloudsvc.identity.revisions import Restriction
from cloudsvc.identity.second_factor import SecondFactor
from cloudsvc.identity.sessions import is_session
from cloudsvc.identity.settings import IdentitySettings
from cloudsvc.identity.signing_in import SigningIn
from cloudsvc.identity.visiting import Visits
from cloudsvc.identity.witness import Witness
from cloudsvc.server.accounts import Accounts
from tests.support.accounts import Office
from tests.support.coroutines import finish
from tests.support.site import TOKEN, Answer, Client, TestSite


@define
class Note:
    """
    What a witness remembers, in memory.

    :ivar is_full: whether it remembers nothing more.
    """

    kept: Restriction | None = None
    is_full: bool = False

    async def read(self) -> Restriction | None:
        """See :class:`cloudsvc.identity.witness.Record`."""
        return self.kept

    async def write(self, restriction: Restriction) -> None:
        """See :class:`cloudsvc.identity.witness.Record`."""
        if self.is_full:
            raise storage_failed()
        self.kept = restriction


@define(eq=False, kw_only=True)
class IdentitySite:
    """
    A site with the routes of accounts, and others beside them.

    :ivar drive: that visitors see by links, where there is one.
    :ivar parties: the identity providers; without any, there is none.
    :ivar accounts: which let keys in; :meth:`start` has to be called.
    """

    office: Office = field(factory=Office)
    others: tuple[Routes, ...] = ()
    throttle: Throttle | None = None
    clock: Clock = field(factory=Clock)
    drive: Drive | None = None
    note: Note = field(factory=Note)
    parties: RelyingParties | None = None
    site: TestSite = field(init=False)
    accounts: Accounts = field(init=False)
    cookies: IssuedCredentials = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.cookies = cookies = IssuedCredentials(self.clock.seconds, remembers_nobody=True)
        keys = IssuedCredentials(self.clock.seconds)
        keychain = Keychain(KeyRing(owner_hash=Secret(hash_token(TOKEN))), keys)
        services = Services(
            needs=IdentityApplication.needs,
            opened={
                Directory: self.office.directory,
                Issuer: self.office.issuer,
                SigningIn: self.office.signing_in,
                SecondFactor: self.office.second_factor,
                Enrolment: self.office.enrolment,
                Linker: self.office.linker,
                Visits: self.office.visits,
                Drive: self.drive,
                Federation: self.office.federation,
                RelyingParties: self.parties or RelyingParties(limits=SignInLimits(Counter(None, self.clock.seconds))),
                OwnerSwitch: self.office.owner_switch,
                PasskeyProof: self.office.passkeys,
                PasskeyEnrolment: self.office.passkey_enrolment,
                Names: Names(("cloud.example", "localhost")),
            },
        )
        tools = cast("Any", Tools)(
            **dict.fromkeys(("now", "threads", "make_threads", "processes", "instruments", "data")),
            clock=self.clock,
            services=services,
        )
        routes = IdentityApplication(IdentitySettings(), tools).make_routes()
        self.site = TestSite(
            routes=(*routes, *self.others),
            clock=self.clock,
            throttle=self.throttle,
            more_sources=(KeyHeader(keychain), BearerToken(keychain), SessionCookie(cookies, is_session)),
        )
        witness = Witness(store=self.office.store, record=self.note)
        resolver = evolve(self.office.resolver, is_trusted=lambda: witness.is_trusted)
        self.accounts = Accounts(
            store=self.office.store,
            resolver=resolver,
            sessions=evolve(self.office.session_resolver, keys=resolver, is_trusted=lambda: witness.is_trusted),
            seen=self.office.seen,
            links=evolve(self.office.link_resolver, is_trusted=lambda: witness.is_trusted),
            link_uses=self.office.link_uses,
            witness=witness,
            keys=keys,
            keychain=keychain,
            cookies=cookies,
            running=self.site.connections,
            clock=self.clock,
            now=lambda: self.office.now,
        )
        self.office.settle = self.accounts.settle

    def start(self) -> None:
        """Let keys in."""
        finish(self.accounts.start())

    def stop(self) -> None:
        """Let none in any more."""
        finish(self.accounts.stop())

    def key_of(self, name: str, *roles: tuple[str, Role], **fields: Any) -> str:
        """A key of a user, for all that they may with all their scopes, or for what is said."""
        user = finish(self.office.directory.find_user(self.office.owner, name))
        issued = finish(self.office.issue(name, *roles, **{"scopes": tuple(user.scopes), **fields}))
        return issued.made.text.reveal()

    def send(self, method: str, path: str, body: Any = None, *, key: str = TOKEN, field: str = "X-API-Key") -> Client:
        """One request on a connection of its own."""
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} /api{path} HTTP/1.1", "Host: localhost", f"{field}: {key}"]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        client = self.site.connect()
        client.send("\r\n".join([*lines, "", ""]).encode() + content)
        return client

    def ask(self, method: str, path: str, body: Any = None, *, key: str = TOKEN, field: str = "X-API-Key") -> Answer:
        """The answer to one request."""
        client = self.send(method, path, body, key=key, field=field)
        answer = client.answer()
        client.leave()
        return answer
