"""Managers: who manages the whole drive, and with it all that there is one of."""

from __future__ import annotations

from cloudsvc.core.actors import MANAGING_GRANT, Actor
from cloudsvc.core.errors import CloudError, Kind


def is_manager(actor: Actor) -> bool:
    """Whether the actor manages the whole drive, and so the accounts and the audit: the owner does."""
    return MANAGING_GRANT in actor.grants


def check_manager(actor: Actor) -> None:
    """
    See that the actor is a manager.

    :raises CloudError: they are not.
    """
    if not is_manager(actor):
        raise managers_only()


def managers_only() -> CloudError:
    """Only the owner and managers of the whole drive may do this."""
    return CloudError(Kind.FORBIDDEN, "managers_only", "Only who manages the whole drive may do this.")
