"""Errors of signing in by an identity provider: each code is stable, and each message says what to do."""

from __future__ import annotations

from typing import Final

from cloudsvc.core.errors import CloudError, Kind

_RETRY_SECONDS: Final = 10

PROVIDER_BUSY: Final = "provider_busy"
"""The code of :func:`provider_busy`."""


def provider_unknown() -> CloudError:
    """There is no identity provider of this name."""
    message = "There is no identity provider of this name: GET /api/sessions/oidc lists them."
    return CloudError(Kind.NOT_FOUND, "provider_not_found", message)


def provider_unavailable() -> CloudError:
    """An identity provider does not answer, or makes no sense."""
    message = "The identity provider does not answer as it should, and the log says why. Try again soon."
    return CloudError(Kind.UNAVAILABLE, "provider_unavailable", message, retry_after=_RETRY_SECONDS)


def provider_busy() -> CloudError:
    """So many are signing in by a provider that one more would wait too long."""
    message = "Too many are signing in at the moment; try again soon."
    return CloudError(Kind.UNAVAILABLE, PROVIDER_BUSY, message, retry_after=_RETRY_SECONDS)


def attempt_unknown() -> CloudError:
    """What comes back belongs to no sign-in that this browser has begun, or to one that has taken too long."""
    message = "This browser has begun no such sign-in, or too long ago: begin it again."
    return CloudError(Kind.FORBIDDEN, "sign_in_unknown", message)


def sign_in_refused() -> CloudError:
    """The provider, or the person in front of it, has said no."""
    message = "The identity provider has let nobody sign in. Begin again, or ask whoever runs it."
    return CloudError(Kind.FORBIDDEN, "sign_in_refused", message)


def assertion_wrong() -> CloudError:
    """What the provider says cannot be believed; why is for the log alone."""
    message = "What the identity provider says cannot be believed, and the log says why. Begin the sign-in again."
    return CloudError(Kind.FORBIDDEN, "sign_in_failed", message)


def invalid_return() -> CloudError:
    """Where somebody wants to be after signing in is no path of this server."""
    message = "next is the path of a page of this server, beginning with one '/', of at most 1,024 characters."
    return CloudError(Kind.INVALID, "invalid_return_path", message)


def too_many_sign_ins(seconds: int) -> CloudError:
    """One client has made too many attempts to sign in by providers."""
    message = f"Too many sign-ins were begun from here. Try again in {seconds} seconds, or show a key."
    return CloudError(Kind.THROTTLED, "too_many_sign_ins", message, retry_after=seconds)
