"""Guards of a route: decorators that refuse before the body is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final, Literal, Protocol

from attrs import frozen

from cloudsvc.access.credentials import CredentialSource, Rejected
from cloudsvc.access.throttling import Decision, Throttle
from cloudsvc.core.actors import Principal
from cloudsvc.core.clock import WallClock
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.operations import H, note
from cloudsvc.web.request import Request
from cloudsvc.web.responses import HeaderList

_CHALLENGES: Final = (
    (b"WWW-Authenticate", b'ApiKey realm="cloudsvc"'),
    (b"WWW-Authenticate", b'Bearer realm="cloudsvc"'),
)


class GuardMetrics(Protocol):
    """What guards count."""

    def authenticated(self) -> None:
        """A key was accepted."""

    def unauthenticated(self, reason: Literal["missing", "invalid", "error"]) -> None:
        """A request was refused for want of a valid key."""

    def throttled(self, pattern: str) -> None:
        """A request was refused for coming too often."""


@frozen(kw_only=True)
class Gate:
    """
    What the guards of all routes share.

    :ivar sources: asked in order; the first that finds its kind of credential decides.
    :ivar configured: whether any key can be valid at all.
    :ivar throttle: counts requests and failures, or ``None`` when rate limits are off.
    """

    sources: Sequence[CredentialSource]
    configured: bool
    throttle: Throttle | None
    metrics: GuardMetrics
    now: WallClock

    async def authenticate(self, request: Request, scope: str) -> Principal:
        """
        Who acts, by the credentials of ``request``.

        :raises HTTPError: 401; 429 after too many wrong keys of one client (a right key still passes); 403 without
            the scope.
        """
        if not self.configured:
            raise self._unauthenticated("error", "token_not_configured", "Server token is not configured")
        for source in self.sources:
            found = await source.authenticate(request.requestHeaders)
            if isinstance(found, Rejected):
                await self._count_failure(request)
                raise self._unauthenticated("invalid", "invalid_api_key", "Invalid API key")
            if found is not None:
                if scope and not found.actor.may(scope):
                    raise HTTPError(403, "missing_scope", f"This key lacks the scope {scope!r}.")
                self.metrics.authenticated()
                return found
        raise self._unauthenticated("missing", "missing_api_key", "Missing API key")

    async def admit(self, request: Request, kind: str) -> None:
        """
        Count a request in its throttling class.

        :raises HTTPError: 429 over the limit.
        """
        if self.throttle is not None:
            decision = await self.throttle.hit(kind, request.sender.bucket, request.pattern)
            if decision is not None and not decision.allowed:
                raise self._too_many(request, decision, "Too many requests")

    async def _count_failure(self, request: Request) -> None:
        if self.throttle is not None:
            decision = await self.throttle.failed(request.sender.bucket)
            if decision is not None and not decision.allowed:
                self.metrics.unauthenticated("invalid")
                raise self._too_many(request, decision, "Too many wrong keys")

    def _unauthenticated(self, reason: Literal["missing", "invalid", "error"], error: str, message: str) -> HTTPError:
        self.metrics.unauthenticated(reason)
        return HTTPError(401, error, message, _CHALLENGES)

    def _too_many(self, request: Request, decision: Decision, what: str) -> HTTPError:
        self.metrics.throttled(request.pattern)
        seconds = max(1, int(decision.reset_at - self.now() + 0.999))
        headers: HeaderList = (
            (b"Retry-After", b"%d" % seconds),
            (b"X-RateLimit-Limit", b"%d" % decision.limit),
            (b"X-RateLimit-Remaining", b"%d" % decision.remaining),
            (b"X-RateLimit-Reset", b"%d" % int(decision.reset_at + 0.999)),
        )
        return HTTPError(429, "too_many_requests", f"{what}. Try again in {seconds} seconds.", headers)


def authorized(scope: str = "", *, when: Callable[[Any], bool] | None = None) -> Callable[[H], H]:
    """
    Let in only who holds a valid key, and where ``scope`` is given one with that scope: 401 or 403 otherwise.

    :param when: says of the application whether to ask for a key; the route's documentation then has to tell of it.
    """

    def decorate(handler: H) -> H:
        @wraps(handler)
        async def guarded(self: object, request: Request, **arguments: Any) -> Any:
            if when is None or when(self):
                request.principal = await request.site.gate.authenticate(request, scope)
            return await handler(self, request, **arguments)

        noted = scope if when is None else None
        return note(guarded, scope=noted)  # type: ignore[return-value]  # wraps keeps the signature

    return decorate


def throttled(kind: str = "api") -> Callable[[H], H]:
    """Let each client in only as often as the throttling class ``kind`` allows: 429 beyond."""

    def decorate(handler: H) -> H:
        @wraps(handler)
        async def guarded(self: object, request: Request, **arguments: Any) -> Any:
            await request.site.gate.admit(request, kind)
            return await handler(self, request, **arguments)

        return note(guarded, throttle=kind)  # type: ignore[return-value]  # wraps keeps the signature

    return decorate
