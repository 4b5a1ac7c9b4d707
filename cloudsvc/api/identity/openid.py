"""Routes of signing in by identity providers (OpenID Connect): there and back."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from attrs import field, frozen
from msgspec import Meta

from cloudsvc.api.identity.cookies import find_current, write_session
from cloudsvc.api.identity.descriptions import WRITE, NoQuery, PasswordText
from cloudsvc.api.identity.pages import PAGE_HEADERS, render_page
from cloudsvc.api.identity.subject_messages import LinkMessage, ProviderEntry, ProviderPage
from cloudsvc.extend import (
    Actor,
    Klein,
    Principal,
    Reply,
    Request,
    Response,
    Secret,
    accepts_json,
    accepts_query,
    authorized,
    read_cookie,
    records_change,
    route,
    throttled,
)
from cloudsvc.extend.identity import (
    ATTEMPT_COOKIE,
    ATTEMPT_SECONDS,
    MAX_RETURN,
    Answer,
    Federation,
    Linking,
    RelyingParties,
    SigningIn,
)

_LAX: Final = b"; Path=/; Secure; HttpOnly; SameSite=Lax"
"""Of the cookie of an attempt: it comes back with the browser, which is sent by a page of the provider."""

_ENDED: Final = (b"Set-Cookie", ATTEMPT_COOKIE + b"=; Max-Age=0" + _LAX)
_PRIVATE: Final = ((b"Cache-Control", b"no-store"), (b"Referrer-Policy", b"no-referrer"))
"""Of what has a code, a state or a session in its address or its head."""

_NO_PROVIDER: Final = "There is no such provider."
_AWAY: Final = "The provider does not answer, or the storage does not work or has too much to do."
_NOT_LET_IN: Final = (
    "This browser has begun no such sign-in; the provider has refused, or is not believed; or whom it names may not"
    " sign in."
)
_TOO_OFTEN: Final = "Too many sign-ins were begun."
_NO_LINK: Final = (
    "The password is wrong, or one is in no session, in that of a limited key, or in one that is not recent."
)
_MOST_BYTES: Final = 4096

ProviderText = Annotated[str, Meta(min_length=1, max_length=32, pattern="^[a-z0-9-]+$")]
"""The name of a provider."""

_HTML: Final = {"text/html": {"type": "string"}}


@frozen(kw_only=True)
class BeginQuery:
    """Where to go on."""

    next: Annotated[
        Annotated[str, Meta(max_length=MAX_RETURN)],
        Meta(description="Path of a page of this server, beginning with one slash, to go on with."),
    ] = ""


@frozen(kw_only=True)
class AnswerQuery:
    """What the provider has sent the browser back with."""

    state: Annotated[Annotated[str, Meta(max_length=512)], Meta(description="As it was sent to the provider.")] = field(
        repr=False
    )
    code: Annotated[
        Annotated[str, Meta(max_length=8192)] | None, Meta(description="What the provider gives tokens for.")
    ] = field(default=None, repr=False)
    error: Annotated[Annotated[str, Meta(max_length=512)] | None, Meta(description="Why there is no code.")] = None
    iss: Annotated[Annotated[str, Meta(max_length=512)] | None, Meta(description="The provider (RFC 9207).")] = None

    def read(self) -> Answer:
        """It as a relying party takes it."""
        return Answer(state=self.state, code=self.code, error=self.error, issuer=self.iss)


@frozen(kw_only=True)
class NewLink:
    """
    A link that is to be made.

    :ivar password: One's own, if one has one.
    :ivar next: Path of a page of this server to go on with.
    """

    password: PasswordText | None = field(default=None, repr=False)
    next: Annotated[str, Meta(max_length=MAX_RETURN)] = ""


@frozen(kw_only=True)
class OpenIDRoutes:
    """``/sessions/oidc``, ``/sessions/oidc/{provider}``, ``…/callback`` and ``/me/subjects/oidc/{provider}``."""

    app: ClassVar[Klein] = Klein()
    parties: RelyingParties
    federation: Federation
    signing_in: SigningIn

    @route(app, "GET", "/sessions/oidc")
    @throttled("api", by="client")
    @accepts_query(NoQuery)
    async def list_providers(self, request: Request, query: NoQuery) -> ProviderPage:
        """List the identity providers by which one may sign in."""
        found = (each.client for each in self.parties.list_parties())
        entries = tuple(ProviderEntry(name=each.provider, title=each.title) for each in found)
        return ProviderPage(message="Providers listed.", providers=entries)

    @route(
        app,
        "GET",
        "/sessions/oidc/<provider>",
        status=303,
        response_headers={303: {"Location": "The provider.", "Set-Cookie": "The attempt, for ten minutes."}},
        errors={404: _NO_PROVIDER, 503: _AWAY},
    )
    @throttled("api", by="client")
    @accepts_query(BeginQuery)
    async def begin_sign_in(self, request: Request, provider: ProviderText, query: BeginQuery) -> Response:
        """Begin to sign in by a provider: sends the browser there, and it comes back to the route below."""
        begun = await self.parties.find(provider).begin(query.next)
        headers = ((b"Location", begun.url.encode("ascii")), _write_attempt(begun.cookie), *_PRIVATE)
        return Response(status=303, headers=headers)

    @route(
        app,
        "GET",
        "/sessions/oidc/<provider>/callback",
        produces=_HTML,
        response_headers={200: {"Set-Cookie": "The session, and the end of the attempt."}},
        errors={
            403: _NOT_LET_IN,
            404: _NO_PROVIDER,
            409: "The account is linked to somebody.",
            429: _TOO_OFTEN,
            503: _AWAY,
        },
    )
    @throttled("api", by="client")
    @records_change
    @accepts_query(AnswerQuery, ignore_unknown=True)
    async def end_sign_in(self, request: Request, provider: ProviderText, query: AnswerQuery) -> Response:
        """
        Come back from a provider, and be signed in, or linked.

        The page that is answered goes on to another one by itself. A redirection would not do: it would still belong to
        the page of the provider, and browsers would not send the session along.
        """
        party = self.parties.find(provider)
        attempt = party.find_attempt(read_cookie(request.requestHeaders, ATTEMPT_COOKIE) or b"", query.state)
        await self.parties.admit(request.sender.bucket)
        claims = await party.redeem(attempt, query.read())
        if attempt.linking is None:
            proof = await self.federation.prove(provider, claims)
            begun = await self.signing_in.begin(proof, party.client.title)
            # From here on it is known whose request it is, and it may do nothing else.
            _tell(request, str(proof.user.name), provider)
            return _answer(f"Signed in as {begun.user.name}.", attempt.path, write_session(begun))
        linked = await self.federation.link(provider, claims, attempt.linking.user, attempt.linking.session)
        _tell(request, linked, provider)
        return _answer(f"Your account at {party.client.title} is linked to {linked}.", attempt.path)

    @route(
        app,
        "POST",
        "/me/subjects/oidc/<provider>",
        response_headers={200: {"Set-Cookie": "The attempt, for ten minutes."}},
        errors={403: _NO_LINK, 404: _NO_PROVIDER, 429: _TOO_OFTEN, 503: _AWAY},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(NewLink, limit=_MOST_BYTES)
    async def begin_link(
        self, request: Request, provider: ProviderText, query: NoQuery, body: NewLink
    ) -> Reply[LinkMessage]:
        """Begin to link one's account at a provider to oneself, in a session: a browser goes on at `url`."""
        party = self.parties.find(provider)
        session = find_current(request)
        user = await self.signing_in.confirm(request.actor, session, body.password)
        begun = await party.begin(body.next, Linking(user=user.id, session=session or ""))
        message = LinkMessage(message="Go on at the provider.", url=begun.url)
        return Reply(message=message, status=200, headers=(_write_attempt(begun.cookie), *_PRIVATE))


def _write_attempt(cookie: Secret) -> tuple[bytes, bytes]:
    lasting = b"; Max-Age=%d" % ATTEMPT_SECONDS
    return b"Set-Cookie", b"%b=%b%b%b" % (ATTEMPT_COOKIE, cookie.reveal().encode("ascii"), lasting, _LAX)


def _tell(request: Request, name: str, provider: str) -> None:
    request.principal = Principal(actor=Actor(name=name, scopes=frozenset()), via=f"oidc:{provider}")


def _answer(text: str, path: str, *cookies: tuple[bytes, bytes]) -> Response:
    return Response(headers=(*PAGE_HEADERS, *_PRIVATE, *cookies, _ENDED), body=render_page(text, path))
