"""Session routes: browsers sign in and out, and users change their password."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from attrs import field, frozen
from msgspec import Meta

from cloudsvc.api.identity.cookies import DEVICE_COOKIE, answer_begun, find_current
from cloudsvc.api.identity.descriptions import (
    FAILED,
    IN_THE_WAY,
    NO_RIGHT,
    NO_USER,
    READ,
    WRITE,
    DisplayText,
    NameText,
    NoQuery,
    PasswordText,
)
from cloudsvc.api.identity.factor_messages import PendingMessage
from cloudsvc.api.identity.parties import find_known_party
from cloudsvc.api.identity.session_messages import EndedMessage, SessionEntry, SessionMessage, SessionPage
from cloudsvc.extend import (
    Actor,
    Klein,
    Message,
    Principal,
    Reply,
    Request,
    Secret,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authenticate,
    authorized,
    read_cookie,
    route,
    same_origin,
    throttled,
)
from cloudsvc.extend.identity import SESSION_ENDED, KeyId, Names, Proof, SecondFactor, SigningIn

_MOST_BYTES: Final = 4096
"""Bytes of a body with a name and a password: those who send it are not let in yet."""

_REFUSED: Final = "The name or the password is wrong, the credential begins no session, or the page is another's."
_NOT_ENOUGH: Final = "The password is right, and a second factor is to be shown too."
_THROTTLED: Final = "Too many passwords have been tried."
_NOT_CHANGED: Final = "The former password is wrong, one has none, or the page is another's."
_NO_SESSION: Final = "There is no such session, or user."

SessionText = Annotated[str, Meta(min_length=24, max_length=24)]
"""The id of a session."""


@frozen(kw_only=True)
class NewSession:
    """
    Who signs in; without name and password, whose key the request carries in its header.

    :ivar label: For people, such as the name of the browser.
    """

    name: NameText | None = None
    password: PasswordText | None = field(default=None, repr=False)
    label: DisplayText = ""


@frozen(kw_only=True)
class NewPassword:
    """
    Another password.

    :ivar former: The one until now.
    """

    former: PasswordText = field(repr=False)
    password: PasswordText = field(repr=False)


@frozen(kw_only=True)
class SessionQuery:
    """Whose sessions."""

    user: Annotated[NameText | None, Meta(description="Of this user, for who manages the accounts.")] = None


@frozen(kw_only=True)
class EndQuery(SessionQuery):
    """Which sessions end."""

    keep_current: Annotated[bool, Meta(description="Whether the session of this request goes on.")] = False


@frozen(kw_only=True)
class SessionRoutes:
    """``/sessions``, ``/sessions/{id}``, ``/sessions/current`` and ``/me/password``."""

    app: ClassVar[Klein] = Klein()
    signing_in: SigningIn
    second_factor: SecondFactor
    names: Names

    @route(
        app,
        "POST",
        "/sessions",
        status=201,
        response_headers={201: {"Set-Cookie": "The session, which no script of a page can read."}},
        answers={403: _NOT_ENOUGH},
        errors={401: "The key is wrong, or there is none.", 403: _REFUSED, 429: _THROTTLED, 503: FAILED},
    )
    @same_origin
    @throttled("api", by="client")
    @accepts_query(NoQuery)
    @accepts_json(NewSession, limit=_MOST_BYTES)
    async def add_session(
        self, request: Request, query: NoQuery, body: NewSession
    ) -> Reply[SessionMessage] | Reply[PendingMessage]:
        """Sign in, by a name and a password or by a key. The session is in a cookie, and in no body."""
        is_by_key = body.name is None and body.password is None
        proof = await (self._prove_key(request) if is_by_key else self._prove_password(request, body))
        asked = await self.second_factor.ask(proof, find_known_party(request, self.names))
        if asked is not None:
            return Reply(message=PendingMessage.of(asked, request.id), status=403)
        begun = await self.signing_in.begin(proof, body.label)
        request.target_id = str(begun.session.id)
        return answer_begun(begun, proof)

    @route(app, "GET", "/sessions", errors={403: NO_RIGHT, 404: NO_USER, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(SessionQuery)
    async def list_sessions(self, request: Request, query: SessionQuery) -> SessionPage:
        """List one's sessions, the latest first."""
        found = await self.signing_in.list_sessions(request.actor, query.user)
        current = find_current(request)
        return SessionPage(message="Sessions listed.", sessions=tuple(SessionEntry.of(each, current) for each in found))

    @route(
        app,
        "DELETE",
        "/sessions/current",
        response_headers={200: {"Set-Cookie": "Takes the session from the browser."}},
        errors={403: "The page is another's.", 404: "The request has no session.", 503: FAILED},
    )
    @authorized()
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def sign_out(self, request: Request, query: NoQuery) -> Reply[Message]:
        """Sign out: the session of this request ends."""
        await self.signing_in.end_session(request.actor, find_current(request) or "")
        return Reply(message=Message(message="Signed out."), status=200, headers=(SESSION_ENDED,))

    @route(app, "DELETE", "/sessions/<session>", errors={403: NO_RIGHT, 404: _NO_SESSION, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(SessionQuery)
    @accepts_no_body
    async def end_session(self, request: Request, session: SessionText, query: SessionQuery) -> Message:
        """End a session, now."""
        await self.signing_in.end_session(request.actor, session, query.user)
        return Message(message="Session ended.")

    @route(app, "DELETE", "/sessions", errors={403: NO_RIGHT, 404: NO_USER, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(EndQuery)
    @accepts_no_body
    async def end_sessions(self, request: Request, query: EndQuery) -> EndedMessage:
        """End all of one's sessions, or all but that of this request."""
        keeps = find_current(request) if query.keep_current else None
        ended = await self.signing_in.end_sessions(request.actor, query.user, keeps=keeps)
        return EndedMessage(message="Sessions ended.", ended=ended)

    @route(
        app,
        "PUT",
        "/me/password",
        errors={403: _NOT_CHANGED, 409: IN_THE_WAY, 429: _THROTTLED, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(NewPassword, limit=_MOST_BYTES)
    async def change_password(self, request: Request, query: NoQuery, body: NewPassword) -> Message:
        """Give oneself another password. One's other sessions end."""
        await self.signing_in.change_password(
            request.actor, body.former, body.password.reveal(), keeps=find_current(request)
        )
        return Message(message="Password changed; other sessions have ended.")

    async def _prove_key(self, request: Request) -> Proof:
        principal = await authenticate(request)
        # A session begins no other one: it would never be old.
        key = "" if find_current(request) else principal.actor.key
        return await self.signing_in.prove_key(KeyId(key))

    async def _prove_password(self, request: Request, body: NewSession) -> Proof:
        device = read_cookie(request.requestHeaders, DEVICE_COOKIE) or b""
        proof = await self.signing_in.prove_password(
            body.name or "", body.password or Secret(""), client=request.sender.bucket, device=device
        )
        # From here on it is known whose request it is, and it may do nothing else.
        request.principal = Principal(actor=Actor(name=str(proof.user.name), scopes=frozenset()), via="password")
        return proof
