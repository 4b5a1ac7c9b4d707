"""Subjects: users as identity providers know them."""

from __future__ import annotations

import secrets
from typing import Final, NewType

from attrs import field, frozen
from attrs.validators import max_len, min_len

from cloudsvc.core.clock import Instant
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.users import Holder, UserId

SubjectId = NewType("SubjectId", str)
"""Names a subject: 24 random hexadecimal digits. Never used again."""

MAX_ISSUER: Final = 512
"""Characters of an issuer."""

MAX_SUBJECT: Final = 255
"""Characters of what it calls somebody (OpenID Connect Core 1.0, section 2)."""


def make_subject_id() -> SubjectId:
    """A new one."""
    return SubjectId(secrets.token_hex(12))


@frozen(kw_only=True)
class Subject:
    """
    That whoever an issuer calls so is a user here. An address of mail or a name proves nothing of that kind: providers
    let people change them, and give them to others.

    :ivar issuer: of the provider, as it writes itself.
    :ivar name: what it calls the user, and never anybody else.
    :ivar made: the change that made it; the store says which.
    """

    id: SubjectId
    user: UserId
    issuer: str = field(validator=[min_len(1), max_len(MAX_ISSUER)])
    name: str = field(validator=[min_len(1), max_len(MAX_SUBJECT)])
    created_at: Instant
    made: Revision = NEVER


@frozen(kw_only=True)
class FoundSubject:
    """
    A subject, and its user as they are now.

    :ivar is_void: whether it is from before all credentials were declared void.
    """

    subject: Subject
    holder: Holder
    is_void: bool
