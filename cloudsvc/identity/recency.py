"""Recent sessions: those of whom it is sure that they are still in front of it."""

from __future__ import annotations

from typing import Final

from cloudsvc.core.clock import Instant
from cloudsvc.identity.bounds import RECENT_SECONDS
from cloudsvc.identity.factor_errors import recent_sign_in_required
from cloudsvc.identity.sessions import FoundSession
from cloudsvc.identity.users import User

_MINUTE: Final = 60
_SECOND: Final = 1_000_000


def check_recent(user: User, found: FoundSession | None, now: Instant) -> None:
    """
    See that ``user`` has shown a short while ago all that they have to show: a key is not that, nor is a session that
    was left open.

    :param found: the session by which they act, if it is one.
    :raises CloudError: they have not.
    """
    session = None if found is None else found.session
    is_theirs = session is not None and session.user == user.id and session.key is None
    if session is None or not is_theirs or session.created_at + RECENT_SECONDS * _SECOND <= now:
        raise recent_sign_in_required(RECENT_SECONDS // _MINUTE)
