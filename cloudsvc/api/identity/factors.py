"""Routes of second factors: users set theirs up, show one after their password, and managers reset them."""

from __future__ import annotations

from typing import ClassVar, Final

from attrs import frozen

from cloudsvc.api.identity.cookies import DEVICE_COOKIE, answer_begun, find_current
from cloudsvc.api.identity.descriptions import FAILED, IN_THE_WAY, NO_USER, READ, WRITE, NameText, NoQuery
from cloudsvc.api.identity.factor_messages import (
    Continuation,
    FactorsMessage,
    RecoveryCodesMessage,
    ShownCode,
    TotpMessage,
)
from cloudsvc.api.identity.parties import find_asked_party, read_host
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
    read_cookie,
    route,
    same_origin,
    throttled,
)
from cloudsvc.extend.identity import Enrolment, Names, SecondFactor, ShownFactor, SigningIn

_MOST_BYTES: Final = 32_768
"""Bytes of a body with what is shown: those who send it may not be let in yet."""

_NOT_RECENT: Final = (
    "The key lacks the scope, one has not signed in within the last minutes or has by a key, or the page is another's."
)
_REFUSED: Final = "The sign-in does not wait any more, the second factor is wrong, or the page is another's."
_THROTTLED: Final = "Too many codes have been tried."
_NO_FACTOR: Final = "There is no such factor."
_ISSUER: Final = "cloudsvc"


@frozen(kw_only=True)
class FactorRoutes:
    """``/me/factors`` and what is below, ``/users/{name}/factors`` and ``/sessions/second-factor``."""

    app: ClassVar[Klein] = Klein()
    enrolment: Enrolment
    second_factor: SecondFactor
    signing_in: SigningIn
    names: Names

    @route(
        app,
        "POST",
        "/sessions/second-factor",
        status=201,
        response_headers={201: {"Set-Cookie": "The session, which no script of a page can read."}},
        errors={403: _REFUSED, 429: _THROTTLED, 503: FAILED},
    )
    @same_origin
    @throttled("api", by="client")
    @accepts_query(NoQuery)
    @accepts_json(Continuation, limit=_MOST_BYTES)
    async def show_second_factor(self, request: Request, query: NoQuery, body: Continuation) -> Reply[SessionMessage]:
        """Go on with a sign-in, by a code, a passkey or a recovery code. The session is in a cookie, and in no body."""
        device = read_cookie(request.requestHeaders, DEVICE_COOKIE) or b""
        shown = ShownFactor(code=body.code, recovery_code=body.recovery_code, passkey=body.passkey)
        party = None if body.passkey is None else find_asked_party(request, self.names)
        proof = await self.second_factor.prove(body.pending, shown, party, device=device)
        request.principal = Principal(actor=Actor(name=str(proof.user.name), scopes=frozenset()), via="password")
        begun = await self.signing_in.begin(proof, body.label)
        request.target_id = str(begun.session.id)
        return answer_begun(begun, proof)

    @route(app, "GET", "/me/factors", errors={503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    async def list_factors(self, request: Request, query: NoQuery) -> FactorsMessage:
        """List one's second factors."""
        return FactorsMessage.of(await self.enrolment.list_factors(request.actor))

    @route(app, "POST", "/me/factors/totp", errors={403: _NOT_RECENT, 409: IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def propose_totp(self, request: Request, query: NoQuery) -> TotpMessage:
        """Begin to set up an authenticator. It counts once a code of it was shown."""
        made = await self.enrolment.propose_totp(request.actor, find_current(request), _name_issuer(request))
        message = "Give this to the authenticator, and confirm it by a code."
        return TotpMessage(message=message, secret=made.secret.reveal(), uri=made.uri.reveal())

    @route(
        app,
        "POST",
        "/me/factors/totp/confirmation",
        errors={403: _NOT_RECENT, 404: _NO_FACTOR, 409: IN_THE_WAY, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(ShownCode, limit=_MOST_BYTES)
    async def confirm_totp(self, request: Request, query: NoQuery, body: ShownCode) -> RecoveryCodesMessage:
        """Confirm the authenticator by a code: a password alone is not enough from now on. Other sessions end."""
        codes = await self.enrolment.confirm_totp(request.actor, find_current(request), body.code)
        return RecoveryCodesMessage.of("The authenticator counts. Keep these codes; other sessions have ended.", codes)

    @route(app, "DELETE", "/me/factors/totp", errors={403: _NOT_RECENT, 404: _NO_FACTOR, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def remove_totp(self, request: Request, query: NoQuery) -> Message:
        """Remove the authenticator. Other sessions end, and recovery codes with the last factor."""
        await self.enrolment.remove_totp(request.actor, find_current(request))
        return Message(message="Authenticator removed; other sessions have ended.")

    @route(app, "POST", "/me/factors/recovery-codes", errors={403: _NOT_RECENT, 404: _NO_FACTOR, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def renew_recovery_codes(self, request: Request, query: NoQuery) -> RecoveryCodesMessage:
        """Make new recovery codes. All former ones are no good any more."""
        codes = await self.enrolment.renew_recovery_codes(request.actor, find_current(request))
        return RecoveryCodesMessage.of("Keep these codes; the former ones are no good any more.", codes)

    @route(
        app,
        "DELETE",
        "/users/<name>/factors",
        errors={403: "One does not manage the accounts, or they are one's own.", 404: NO_USER, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def reset_factors(self, request: Request, name: NameText, query: NoQuery) -> Message:
        """Take all second factors of a user away, who has lost them. Their sessions end."""
        had_some = await self.enrolment.reset(request.actor, name)
        return Message(message="Second factors removed." if had_some else "There were no second factors.")


def _name_issuer(request: Request) -> str:
    """What people know the server by: the host that they have asked."""
    host = read_host(request)
    return f"{_ISSUER} {host.rpartition(':')[0] or host}".strip()
