"""Routes of passkeys: users add and remove theirs, and sign in by one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from attrs import frozen
from msgspec import Meta

from cloudsvc.api.identity.cookies import answer_begun, find_current
from cloudsvc.api.identity.descriptions import FAILED, IN_THE_WAY, WRITE, NoQuery
from cloudsvc.api.identity.factor_messages import OptionsMessage, PasskeyLabel, PasskeyMessage, ShownPasskey
from cloudsvc.api.identity.parties import find_asked_party
from cloudsvc.api.identity.session_messages import SessionMessage
from cloudsvc.extend import (
    Actor,
    Klein,
    Message,
    Principal,
    Reply,
    Request,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authorized,
    route,
    same_origin,
    throttled,
)
from cloudsvc.extend.identity import Names, PasskeyEnrolment, PasskeyProof, SigningIn

_MOST_BYTES: Final = 32_768
"""Bytes of what a browser answers: an attestation may hold some certificates."""

_ELSEWHERE: Final = "The server was asked by a name that is not its own, or the page is another's."
_REFUSED: Final = "The passkey is not good here, or the page is another's."
_NOT_RECENT: Final = (
    "The key lacks the scope, one has not signed in within the last minutes or has by a key, the passkey is not good"
    " here, or the page is another's."
)
_NO_PASSKEY: Final = "There is no such passkey."

PasskeyText = Annotated[str, Meta(min_length=24, max_length=24)]
"""The id of a passkey."""


@frozen(kw_only=True)
class PasskeyRoutes:
    """``/me/factors/passkeys`` and what is below, ``/sessions/passkey`` and its options."""

    app: ClassVar[Klein] = Klein()
    enrolment: PasskeyEnrolment
    passkeys: PasskeyProof
    signing_in: SigningIn
    names: Names

    @route(app, "POST", "/sessions/passkey/options", errors={403: _ELSEWHERE, 503: FAILED})
    @same_origin
    @throttled("api", by="client")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def offer_sign_in(self, request: Request, query: NoQuery) -> OptionsMessage:
        """Begin to sign in by a passkey alone: options for `navigator.credentials.get`."""
        options = await self.passkeys.offer(find_asked_party(request, self.names))
        return OptionsMessage(message="Have a passkey sign this.", options=options)

    @route(
        app,
        "POST",
        "/sessions/passkey",
        status=201,
        response_headers={201: {"Set-Cookie": "The session, which no script of a page can read."}},
        errors={403: _REFUSED, 409: IN_THE_WAY, 503: FAILED},
    )
    @same_origin
    @throttled("api", by="client")
    @accepts_query(NoQuery)
    @accepts_json(ShownPasskey, limit=_MOST_BYTES)
    async def show_passkey(self, request: Request, query: NoQuery, body: ShownPasskey) -> Reply[SessionMessage]:
        """Sign in by a passkey alone. The session is in a cookie, and in no body."""
        proof = await self.passkeys.prove(body.passkey, find_asked_party(request, self.names))
        request.principal = Principal(actor=Actor(name=str(proof.user.name), scopes=frozenset()), via="passkey")
        begun = await self.signing_in.begin(proof, body.label)
        request.target_id = str(begun.session.id)
        return answer_begun(begun, proof)

    @route(app, "POST", "/me/factors/passkeys/options", errors={403: _NOT_RECENT, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def offer_passkey(self, request: Request, query: NoQuery) -> OptionsMessage:
        """Begin to add a passkey: options for `navigator.credentials.create`."""
        party = find_asked_party(request, self.names)
        options = await self.enrolment.offer(request.actor, find_current(request), party)
        return OptionsMessage(message="Have an authenticator make a passkey.", options=options)

    @route(app, "POST", "/me/factors/passkeys", status=201, errors={403: _NOT_RECENT, 409: IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(ShownPasskey, limit=_MOST_BYTES)
    async def add_passkey(self, request: Request, query: NoQuery, body: ShownPasskey) -> PasskeyMessage:
        """Add a passkey: a password alone is not enough from now on. Other sessions end."""
        party, current = find_asked_party(request, self.names), find_current(request)
        added = await self.enrolment.add(request.actor, current, party, body.passkey, body.label)
        request.target_id = str(added.passkey.id)
        return PasskeyMessage.of(added)

    @route(app, "PATCH", "/me/factors/passkeys/<passkey>", errors={403: _NOT_RECENT, 404: _NO_PASSKEY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(PasskeyLabel, limit=_MOST_BYTES)
    async def rename_passkey(
        self, request: Request, passkey: PasskeyText, query: NoQuery, body: PasskeyLabel
    ) -> Message:
        """Give a passkey another label."""
        await self.enrolment.rename(request.actor, find_current(request), passkey, body.label)
        return Message(message="Passkey renamed.")

    @route(app, "DELETE", "/me/factors/passkeys/<passkey>", errors={403: _NOT_RECENT, 404: _NO_PASSKEY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def remove_passkey(self, request: Request, passkey: PasskeyText, query: NoQuery) -> Message:
        """Remove a passkey. Other sessions end, and recovery codes with the last factor."""
        await self.enrolment.remove(request.actor, find_current(request), passkey)
        return Message(message="Passkey removed; other sessions have ended.")
