"""Authentication of requests: the credential sources in their order, the limit of wrong credentials, challenges."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from attrs import field, frozen
from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from cloudsvc.access.credentials import CredentialSource
from cloudsvc.access.throttling import LAPSED, LAPSED_RATE, AttemptLimits, Decision
from cloudsvc.core.actors import Principal
from cloudsvc.core.coroutines import abandon
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.http1.exchange import SAFE_METHODS
from cloudsvc.web.origins import check_same_origin
from cloudsvc.web.rate_limits import RateLimits

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

_log = Logger("cloudsvc.web")


class AuthenticationMetrics(Protocol):
    """What authentication counts."""

    def authenticated(self) -> None:
        """A credential was accepted."""

    def unauthenticated(self, reason: Literal["missing", "invalid", "error"]) -> None:
        """A request was refused for want of a valid credential."""


@frozen(kw_only=True)
class Authenticator:
    """
    The authenticator that the guards of all routes share.

    :ivar sources: asked in order; the first that finds its kind of credential decides.
    :ivar rate_limits: wrong credentials are limited where requests are.
    """

    sources: Sequence[CredentialSource]
    rate_limits: RateLimits
    metrics: AuthenticationMetrics
    _attempts: AttemptLimits | None = field(init=False, repr=False)
    _lapsed: AttemptLimits | None = field(init=False, repr=False)

    @_attempts.default
    def _make_attempts(self) -> AttemptLimits | None:
        throttle = self.rate_limits.throttle
        return None if throttle is None else AttemptLimits(throttle, self.rate_limits.now)

    @_lapsed.default
    def _make_lapsed(self) -> AttemptLimits | None:
        throttle = self.rate_limits.throttle
        if throttle is None:
            return None
        return AttemptLimits(throttle, self.rate_limits.now, kind=LAPSED, rate=LAPSED_RATE)

    @property
    def configured(self) -> bool:
        """Whether any credential can be valid at all, now."""
        return any(source.configured for source in self.sources)

    async def authenticate(self, request: Request, scope: str) -> Principal:
        """
        The principal that the credential of ``request`` proves.

        Nothing is kept of an earlier answer, so that a credential that has been revoked is refused with the next
        request that carries it, on an open connection too.

        :raises HTTPError: 401 with the challenges of all sources; 429 where too many wrong credentials of this client
            keep any from being evaluated; 403 without the scope, and for a change that a page of another origin asks
            for by what browsers add on their own.
        :raises CloudError: unavailable, where nobody can tell whose the credential is.
        """
        for source in self.sources:
            credential = source.find(request)
            if credential is not None:
                if source.is_ambient and request.method not in SAFE_METHODS:
                    check_same_origin(request)
                principal = await self._evaluate(request, source, credential)
                if scope and not principal.actor.may(scope):
                    # Whoever is refused is known all the same.
                    request.principal = principal
                    raise HTTPError(403, "missing_scope", f"This key lacks the scope {scope!r}.")
                self.metrics.authenticated()
                return principal
        raise self._unauthenticated(request, "missing", "missing_api_key", "Missing API key")

    async def authenticate_by(self, request: Request, source: CredentialSource, credential: bytes) -> Principal:
        """
        The principal that ``credential`` proves, of which the route of ``request`` says where it stands.

        :param source: of this kind of credential.
        :raises HTTPError: 401; 429 where too many wrong credentials of this client keep any from being evaluated.
        :raises CloudError: unavailable, where nobody can tell whose the credential is.
        """
        principal = await self._evaluate(request, source, credential)
        self.metrics.authenticated()
        return principal

    async def identify(self, request: Request) -> Principal | None:
        """
        The principal that the credential of ``request`` proves now, if any. Nothing is counted, nothing limited, and
        it is no use of the credential: it is for a request that has been let in.

        :raises Exception: nobody can tell.
        """
        for source in self.sources:
            credential = source.find(request)
            if credential is not None:
                found = source.identify_again(credential, request)
                return found if found is None or isinstance(found, Principal) else await found
        return None

    def name_credential(self, request: Request) -> int:
        """What is the same for requests with the same credential, and of no use to anyone."""
        shown = next(
            ((source.name, found) for source in self.sources if (found := source.find(request)) is not None), None
        )
        return hash(shown)

    async def _evaluate(self, request: Request, source: CredentialSource, credential: bytes) -> Principal:
        # Python's own hash takes a secret of this process, so what is kept of a credential is of no use to anyone.
        presented = hash((request.sender.bucket, source.name, credential))
        is_unguessable = source.is_unguessable(credential)
        attempts = self._lapsed if is_unguessable else self._attempts
        try:
            found = source.identify(credential, request)
            # It is looked up whether it is good, and not whether it is the same that was no good just now.
            is_known = found is None and is_unguessable
            if not (found is None or isinstance(found, Principal)):
                self._refuse_unseen(attempts, request, presented, found)
                found = await found
        except (HTTPError, CancelledError):
            raise
        except Exception as problem:
            raise self._cannot_tell(request, source, problem) from problem
        if attempts is not None and not is_known and (found is not None or self.configured):
            await self._limit(attempts, request, presented, valid=found is not None)
        if found is None:
            raise self._unauthenticated(request, "invalid", "invalid_api_key", "Invalid API key", source.withdraw())
        return found

    def _refuse_unseen(
        self, attempts: AttemptLimits | None, request: Request, presented: int, look_up: Awaitable[object]
    ) -> None:
        """Spare a look-up that would change nothing, so that guesses beyond their rate cost the store nothing."""
        if attempts is None or request.channel.accepted_key == presented:
            return
        refused = attempts.refuse_unseen(request.sender.bucket, presented)
        if refused is not None:
            abandon(look_up)
            raise self._refuse_attempt(request, refused)

    async def _limit(self, attempts: AttemptLimits, request: Request, presented: int, *, valid: bool) -> None:
        """
        Keep the verdict on a credential to ourselves beyond the rate of wrong ones.

        A connection that has shown a right one, and no wrong one since, goes on with it: nobody else can use it.
        """
        channel = request.channel
        if valid and channel.accepted_key == presented:
            return
        channel.accepted_key = None
        refused = await attempts.admit(request.sender.bucket, presented, valid=valid)
        if refused is not None:
            raise self._refuse_attempt(request, refused)
        if valid:
            channel.accepted_key = presented

    def _refuse_attempt(self, request: Request, refused: Decision) -> HTTPError:
        # Counted alike for right and wrong ones, or the metrics would tell which it was.
        self.metrics.unauthenticated("invalid")
        return self.rate_limits.refuse(request, refused, "Too many wrong keys")

    def _unauthenticated(
        self,
        request: Request,
        reason: Literal["missing", "invalid", "error"],
        error: str,
        message: str,
        fields: Sequence[tuple[bytes, bytes]] = (),
    ) -> HTTPError:
        if not self.configured:
            reason, error, message = "error", "token_not_configured", "Server token is not configured"
        self.metrics.unauthenticated(reason)
        challenges = dict.fromkeys(source.challenge(request) for source in self.sources)
        headers = tuple((b"WWW-Authenticate", challenge) for challenge in challenges if challenge is not None)
        return HTTPError(401, error, message, (*headers, *fields))

    def _cannot_tell(self, request: Request, source: CredentialSource, problem: Exception) -> CloudError:
        """A look-up that has failed says nothing of the credential: whoever holds a right one keeps it, and waits."""
        self.metrics.unauthenticated("error")
        if isinstance(problem, CloudError):
            return problem
        _log.failure("request {id}: the credential ({kind}) cannot be looked up", kind=source.name, id=request.id)
        return CloudError(
            Kind.UNAVAILABLE, "credentials_unavailable", "Credentials cannot be checked now. Try again later."
        )
