"""Second factors of users: what they show besides their password, and sign-ins that wait for it."""

from __future__ import annotations

import hashlib
import re
import secrets
from enum import StrEnum
from typing import Final, NewType

from attrs import field, frozen

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.passkeys import Passkey
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.users import Holder, UserId

PendingId = NewType("PendingId", str)
"""Names a sign-in that waits: 24 random hexadecimal digits. No secret, and never used again."""

PENDING_PREFIX: Final = "csp_"
"""What the text of every sign-in that waits begins with."""

_FORM: Final = re.compile(r"csp_([0-9a-f]{24})([0-9a-f]{64})")

NO_PENDING: Final = PendingId("-" * 24)
"""The id of no sign-in: looking for it costs what any other look-up does."""


class FactorKind(StrEnum):
    """What can be shown besides a password."""

    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"


@frozen(kw_only=True)
class Totp:
    """
    A secret of which somebody's authenticator makes codes.

    :ivar is_confirmed: whether they have shown a code of it; before that, it counts for nothing.
    :ivar last_step: the step of the last code that was shown, of which none is good again; 0 before the first.
    """

    secret: Secret
    is_confirmed: bool = False
    last_step: int = 0
    created_at: Instant


@frozen(kw_only=True)
class Factors:
    """
    All that a user has besides their password.

    :ivar totp: also one that is not confirmed yet.
    :ivar recovery_codes: how many are left.
    :ivar passkeys: by their ids.
    """

    totp: Totp | None = None
    recovery_codes: int = 0
    passkeys: tuple[Passkey, ...] = ()

    @property
    def kinds(self) -> tuple[FactorKind, ...]:
        """What they can show."""
        kinds = {
            FactorKind.TOTP: self.totp is not None and self.totp.is_confirmed,
            FactorKind.PASSKEY: bool(self.passkeys),
            FactorKind.RECOVERY_CODE: self.recovery_codes > 0,
        }
        return tuple(kind for kind, is_there in kinds.items() if is_there)


@frozen(kw_only=True)
class Pending:
    """
    A sign-in of somebody who has shown their password and has yet to show a second factor.

    :ivar password_set: which password, by the change that set it.
    :ivar expires_at: it is no good from then on.
    """

    id: PendingId
    user: UserId
    password_set: Revision
    expires_at: Instant


@frozen(kw_only=True)
class FoundPending:
    """
    A sign-in that waits, with what has to be known to let its user in.

    :ivar tries: how often it has been gone on with, this time included.
    :ivar hash: what is kept of the password of the user now; ``None`` where they have none.
    :ivar is_void: whether that is from before all credentials were declared void.
    """

    pending: Pending
    tries: int
    holder: Holder
    hash: Secret | None = field(repr=False)
    is_void: bool


@frozen(kw_only=True)
class ShownPending:
    """
    What somebody has shown as a sign-in that waits.

    :ivar id: the one that it says to be; :data:`NO_PENDING` where it has not the form of one.
    :ivar digest: SHA-256 of its secret; of all of it, where it has not the form.
    """

    id: PendingId
    digest: bytes = field(repr=False)


@frozen(kw_only=True)
class MadePending:
    """
    What a new one consists of.

    :ivar text: what the page keeps that goes on with it.
    :ivar digest: SHA-256 of its secret, which is what the server keeps.
    """

    id: PendingId
    text: Secret
    digest: bytes = field(repr=False)


def make_pending() -> MadePending:
    """One of 256 random bits, beside its id."""
    pending_id, secret = PendingId(secrets.token_hex(12)), secrets.token_hex(32)
    return MadePending(
        id=pending_id, text=Secret(f"{PENDING_PREFIX}{pending_id}{secret}"), digest=_digest(secret.encode())
    )


def read_pending(shown: Secret) -> ShownPending:
    """What ``shown`` says to be. Whatever it is, it has a digest and an id to look for."""
    text = shown.reveal()
    found = _FORM.fullmatch(text)
    if found is None:
        return ShownPending(id=NO_PENDING, digest=_digest(text.encode(errors="replace")))
    return ShownPending(id=PendingId(found[1]), digest=_digest(found[2].encode()))


def has_factors(factors_set: Revision) -> bool:
    """Whether a user of whom this is said has a second factor, without which no password lets them in."""
    return factors_set != NEVER


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
