"""Errors of webhooks: each code is stable, and each message says what to do."""

from __future__ import annotations

from cloudsvc.core.errors import CloudError, Kind


def invalid_url(reason: str) -> CloudError:
    """A text is no URL to which messages could be sent."""
    return CloudError(Kind.INVALID, "invalid_url", f"Nothing can be sent to this URL: {reason}.")


def webhook_not_found() -> CloudError:
    """There is no such webhook."""
    return CloudError(Kind.NOT_FOUND, "webhook_not_found", "There is no such webhook.")


def sees_nothing() -> CloudError:
    """A webhook would be sent what its maker may not read."""
    message = "A webhook is sent what its maker may read; that takes the scope files:read."
    return CloudError(Kind.FORBIDDEN, "scope_too_wide", message)


def others_webhook() -> CloudError:
    """A webhook may see more than whoever would change it."""
    message = "Only who has made a webhook changes it, and a key only those that were made by it; others remove it."
    return CloudError(Kind.FORBIDDEN, "others_webhook", message)


def nobodys_webhook() -> CloudError:
    """An actor is neither a user nor a program nor the owner."""
    message = "Only users, programs with keys, and the owner have webhooks."
    return CloudError(Kind.FORBIDDEN, "no_webhooks", message)


def invalid_overlap(most: int) -> CloudError:
    """A former secret would go on for too long."""
    return CloudError(Kind.INVALID, "invalid_overlap", f"A former secret goes on for at most {most} seconds.")


def too_many_tests() -> CloudError:
    """So many test messages are on their way that one more would wait."""
    message = "Too many test messages are on their way; try again soon."
    return CloudError(Kind.UNAVAILABLE, "too_many_tests", message, retry_after=15)
