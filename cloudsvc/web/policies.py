"""Policies that all routes of one site share: who may ask, how often, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from cloudsvc.web.authentication import Authenticator
    from cloudsvc.web.http1.request import Request
    from cloudsvc.web.rate_limits import RateLimits
    from cloudsvc.web.recording import Recorder


class Policies(Protocol):
    """
    What decorators of routes ask the site for.

    :ivar body_bytes: that a body may have where its route does not say.
    :ivar recorder: is told what was changed and what was refused, if anybody is.
    """

    authenticator: Authenticator
    rate_limits: RateLimits
    body_bytes: int
    recorder: Recorder | None


def policies_of(request: Request) -> Policies:
    """Those of the site that ``request`` is for, of which its other half knows nothing."""
    return cast("Policies", request.site)
