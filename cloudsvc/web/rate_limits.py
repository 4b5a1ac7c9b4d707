"""Rate limits of routes: who has asked too often, and the 429 that says when to come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from attrs import frozen

from cloudsvc.access.throttling import Decision, Throttle
from cloudsvc.core.clock import WallClock
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.responses import HeaderList

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

Subject: TypeAlias = Literal["client", "principal"]
"""Of what requests are counted together: the client's address, or the principal, from whatever address."""

_PRINCIPAL: Final = "principal"
"""Begins the keys of principals; no client is called so."""

_CREDENTIAL: Final = "credential"
"""Begins those of credentials with a rate of their own; no class of rates is called so."""


class RateLimitMetrics(Protocol):
    """What rate limits count."""

    def throttled(self, pattern: str) -> None:
        """A request was refused for coming too often."""


@frozen(kw_only=True)
class RateLimits:
    """
    The rate limits that the guards of all routes share.

    :ivar throttle: counts requests, or ``None`` when rate limits are off.
    :ivar subject: whose requests are counted together, on routes that do not say.
    """

    throttle: Throttle | None
    subject: Subject
    metrics: RateLimitMetrics
    now: WallClock

    async def admit(self, request: Request, kind: str, subject: Subject | None = None) -> None:
        """
        Count a request in its rate class, and in the rate that its credential has of its own.

        :param subject: whose requests are counted together. A request without a principal is its client's.
        :raises HTTPError: 429 over the limit.
        """
        if self.throttle is None:
            return
        principal = request.principal
        if principal is not None and principal.rate is not None:
            self._check(request, await self.throttle.hit_rate(principal.rate, _CREDENTIAL, principal.credential))
        if principal is None or (subject or self.subject) == "client":
            decision = await self.throttle.hit(kind, request.sender.bucket, request.pattern)
        else:
            decision = await self.throttle.hit(kind, _PRINCIPAL, principal.actor.name, request.pattern)
        self._check(request, decision)

    def _check(self, request: Request, decision: Decision | None) -> None:
        if decision is not None and not decision.allowed:
            raise self.refuse(request, decision, "Too many requests")

    def refuse(self, request: Request, decision: Decision, what: str) -> HTTPError:
        """The 429 (RFC 6585 section 4) that says when to come back; it is counted."""
        self.metrics.throttled(request.pattern)
        seconds = decision.find_wait(self.now())
        headers: HeaderList = (
            (b"Retry-After", b"%d" % seconds),
            (b"X-RateLimit-Limit", b"%d" % decision.limit),
            (b"X-RateLimit-Remaining", b"%d" % decision.remaining),
            (b"X-RateLimit-Reset", b"%d" % int(decision.reset_at + 0.999)),
        )
        return HTTPError(429, "too_many_requests", f"{what}. Try again in {seconds} seconds.", headers)
