"""Errors of users, groups and keys: each code is stable, and each message says what to do."""

from __future__ import annotations

from typing import Final

from cloudsvc.core.errors import CloudError, Kind


def invalid_name(reason: str) -> CloudError:
    """A text is no name of a user, a group or a program."""
    return CloudError(Kind.INVALID, "invalid_name", f"This is no valid name: {reason}.")


def reserved_name(name: str) -> CloudError:
    """A name is never given to anybody."""
    return CloudError(Kind.INVALID, "reserved_name", f"Nobody can be named {name!r}, nor what looks like it.")


def invalid_display_name(reason: str) -> CloudError:
    """A text is no display name."""
    return CloudError(Kind.INVALID, "invalid_display_name", f"This is no valid display name: {reason}.")


def invalid_password(reason: str) -> CloudError:
    """A text cannot be a password."""
    return CloudError(Kind.INVALID, "invalid_password", f"This cannot be a password: {reason}.")


def invalid_scope(text: str) -> CloudError:
    """A text is no scope."""
    message = f"{text!r} is no scope; one is '*', or words of lower-case letters with colons between them."
    return CloudError(Kind.INVALID, "invalid_scope", message)


def invalid_rate(reason: str) -> CloudError:
    """A text is no rate."""
    return CloudError(Kind.INVALID, "invalid_rate", f"This is no valid rate: {reason}.")


def invalid_expiry() -> CloudError:
    """A key would have ended before it begins, or end at no moment that can be written down."""
    message = "A key ends after the present moment, and in the year 9999 at the latest; name another one."
    return CloudError(Kind.INVALID, "invalid_expiry", message)


def invalid_quota() -> CloudError:
    """A quota is not a number of bytes."""
    return CloudError(Kind.INVALID, "invalid_quota", "A quota is a number of bytes, at least 0.")


NAME_TAKEN: Final = "name_taken"
"""The code of :func:`name_taken`."""


def name_taken(name: str) -> CloudError:
    """Somebody has or had this name, or one that looks like it."""
    message = f"{name!r} is taken, or was, or looks like a name that is; choose another one."
    return CloudError(Kind.CONFLICT, NAME_TAKEN, message)


def user_not_found() -> CloudError:
    """There is no such user."""
    return CloudError(Kind.NOT_FOUND, "user_not_found", "There is no such user.")


GROUP_NOT_FOUND: Final = "group_not_found"
"""The code of :func:`group_not_found`."""


def group_not_found() -> CloudError:
    """There is no such group."""
    return CloudError(Kind.NOT_FOUND, GROUP_NOT_FOUND, "There is no such group.")


def key_not_found() -> CloudError:
    """There is no such key."""
    return CloudError(Kind.NOT_FOUND, "key_not_found", "There is no such key.")


def folder_unknown() -> CloudError:
    """A folder on which a role is to be granted or withdrawn is none, or none that the actor sees."""
    return CloudError(Kind.NOT_FOUND, "folder_not_found", "There is no such folder.")


CHANGED_MEANWHILE: Final = "changed_meanwhile"
"""The code of :func:`changed_meanwhile`."""


def changed_meanwhile() -> CloudError:
    """What was to be replaced is not any more as it was read; nothing was done."""
    message = "It has been changed by somebody else meanwhile; read it again."
    return CloudError(Kind.CONFLICT, CHANGED_MEANWHILE, message)


def not_shareable() -> CloudError:
    """The actor may not give others a role on a folder."""
    return CloudError(Kind.FORBIDDEN, "forbidden", "Only who manages a folder may give others a role on it.")


def grant_too_wide() -> CloudError:
    """A key would have a role that its holder has not."""
    message = "A key can have no role on a folder that you do not have there yourself."
    return CloudError(Kind.FORBIDDEN, "grant_too_wide", message)


def scope_too_wide(scope: str) -> CloudError:
    """A key would have a scope that its holder has not."""
    return CloudError(Kind.FORBIDDEN, "scope_too_wide", f"A key can have no scope that you do not have: {scope!r}.")


def expiry_too_late() -> CloudError:
    """A key or a link would last longer than the key by which it is asked for."""
    message = "It can end no later than the key by which you ask; name an earlier end, or ask by another key."
    return CloudError(Kind.FORBIDDEN, "expiry_too_late", message)


def rate_too_fast() -> CloudError:
    """A key could be used more often than the one by which it is asked for."""
    message = "A key can be used no more often than the one by which you ask; name a lower rate, or ask by another key."
    return CloudError(Kind.FORBIDDEN, "rate_too_fast", message)


def rate_not_shared() -> CloudError:
    """A key that has a rate of its own would have it once more by another key, or be without it by a link."""
    message = (
        "A key with a rate of its own makes no others, and no links; it may be rotated by itself, without an overlap."
    )
    return CloudError(Kind.FORBIDDEN, "rate_not_shared", message)


def own_key() -> CloudError:
    """A key would change itself, and not only to narrow."""
    return CloudError(
        Kind.FORBIDDEN, "own_key", "A key changes nothing of itself but to narrow it; ask by another key."
    )


def password_too_wide() -> CloudError:
    """A key that is limited would give somebody a password, which is not."""
    message = "A key that ends or has a rate sets no passwords, which do neither; ask by another key."
    return CloudError(Kind.FORBIDDEN, "password_too_wide", message)


def too_many(what: str, most: int) -> CloudError:
    """There are so many of something that one more may not be."""
    return CloudError(Kind.CONFLICT, "too_many_entries", f"There can be at most {most} {what}; remove some first.")


def holder_required() -> CloudError:
    """Nobody knows for whom a key is to be."""
    message = "A key is for one user or for one program: name either, unless it is for yourself."
    return CloudError(Kind.INVALID, "holder_required", message)


def grants_required() -> CloudError:
    """A key of a program would have no grants that anybody has named."""
    message = "Say what a program may do: name roles on folders, or an empty list for none."
    return CloudError(Kind.INVALID, "grants_required", message)


def invalid_overlap(most: int) -> CloudError:
    """A former key would go on for too long."""
    message = f"A former key goes on for at most {most} seconds, or for none."
    return CloudError(Kind.INVALID, "invalid_overlap", message)


def key_ended() -> CloudError:
    """A key was revoked, or has expired."""
    return CloudError(Kind.CONFLICT, "key_ended", "The key was revoked, or has expired; make a new one.")


def too_many_passwords() -> CloudError:
    """So many passwords are being looked at that one more would wait too long."""
    message = "Too many are signing in at the moment; try again soon."
    return CloudError(Kind.UNAVAILABLE, "too_many_passwords", message, retry_after=5)


def session_not_found() -> CloudError:
    """There is no such session."""
    return CloudError(Kind.NOT_FOUND, "session_not_found", "There is no such session.")


def user_disabled() -> CloudError:
    """A user cannot sign in."""
    return CloudError(Kind.CONFLICT, "user_disabled", "The user is disabled.")


def wrong_password() -> CloudError:
    """Nobody is let in by what was shown, and not told why."""
    message = "The name or the password is wrong, or the user cannot sign in with a password."
    return CloudError(Kind.FORBIDDEN, "wrong_password", message)


def users_only() -> CloudError:
    """Neither the owner nor a program has sessions."""
    message = "Only users have sessions: show the token or the key with each request."
    return CloudError(Kind.FORBIDDEN, "users_only", message)


def key_has_rate() -> CloudError:
    """A key with a rate of its own begins no session."""
    message = "A key with a rate of its own begins no session: show the key with each request."
    return CloudError(Kind.FORBIDDEN, "key_has_rate", message)


def link_not_found() -> CloudError:
    """There is no such link, or none that is any good: nobody is told which."""
    return CloudError(Kind.NOT_FOUND, "link_not_found", "There is no such link, or it has ended; ask for another one.")


def link_ended() -> CloudError:
    """A link was revoked, or has expired, and cannot be changed."""
    return CloudError(Kind.CONFLICT, "link_ended", "The link was revoked, or has expired; make a new one.")


def link_too_wide() -> CloudError:
    """A link would let others do what its maker may not."""
    message = "A link can let others see or bring only what you may yourself, by the key with which you ask."
    return CloudError(Kind.FORBIDDEN, "link_too_wide", message)


def link_needs_folder() -> CloudError:
    """Files are to be brought into a file."""
    return CloudError(Kind.CONFLICT, "link_needs_folder", "Files can be brought into a folder only; name one.")


def links_of_accounts() -> CloudError:
    """A link would be of nobody who is known later."""
    message = "Only the owner, users and programs with keys of their own make links."
    return CloudError(Kind.FORBIDDEN, "links_of_accounts", message)


def invalid_limit(most: int) -> CloudError:
    """A limit of uses is none."""
    return CloudError(Kind.INVALID, "invalid_limit", f"A limit is a number from 1 to {most}, or none.")


def link_locked() -> CloudError:
    """A link wants a password."""
    return CloudError(Kind.FORBIDDEN, "link_locked", "This link has a password; send it by POST to its address.")


def wrong_link_password() -> CloudError:
    """The password of a link was another one."""
    return CloudError(Kind.FORBIDDEN, "wrong_password", "This is not the password of the link.")


def subject_unlinked() -> CloudError:
    """Whom a provider lets in is no user here, and does not become one."""
    message = "You are no user here: sign in as you do otherwise and link your account, or ask a manager to link it."
    return CloudError(Kind.FORBIDDEN, "subject_unlinked", message)


def subject_nameless(claim: str) -> CloudError:
    """Whom a provider lets in would become a user, but has no name that could be one here."""
    message = f"Your provider says no name that you could have here ({claim}): ask a manager to add you."
    return CloudError(Kind.FORBIDDEN, "subject_nameless", message)


def subject_name_taken(name: str) -> CloudError:
    """Whom a provider lets in would become a user by a name that is somebody's, or was."""
    message = f"{name!r} is taken here, or was, or looks like a name that is: ask a manager to link your account."
    return CloudError(Kind.FORBIDDEN, "subject_name_taken", message)


def sign_in_not_allowed() -> CloudError:
    """Somebody is known, and may not sign in."""
    message = "You may not sign in here by this provider: ask whoever manages the accounts."
    return CloudError(Kind.FORBIDDEN, "sign_in_not_allowed", message)


def subject_taken() -> CloudError:
    """Whom an issuer calls so is somebody already."""
    message = "This account at the provider is linked to a user already: unlink it there first."
    return CloudError(Kind.CONFLICT, "subject_taken", message)


def subject_not_found() -> CloudError:
    """There is no such subject."""
    return CloudError(Kind.NOT_FOUND, "subject_not_found", "There is no such account at a provider.")


def invalid_subject() -> CloudError:
    """Texts are no issuer and subject."""
    message = "The issuer is its https:// URL as it is configured, and the subject what it calls the user (sub)."
    return CloudError(Kind.INVALID, "invalid_subject", message)


def session_required() -> CloudError:
    """Something is only done in a session of a browser."""
    message = "This is done in a session: sign in with a browser first."
    return CloudError(Kind.FORBIDDEN, "session_required", message)


def no_manager() -> CloudError:
    """The owner's token cannot be switched off, as nobody else would get in to manage the accounts."""
    message = (
        "Nobody else could manage the accounts. First give a user the role of manager on the root folder, the scope"
        " 'accounts:write', and a password or a key that never ends."
    )
    return CloudError(Kind.CONFLICT, "no_manager", message)


def last_manager() -> CloudError:
    """While the owner's token is switched off, nobody would be left who gets in to manage the accounts."""
    message = (
        "Nobody would be left who can manage the accounts, since the owner's token is switched off. Let somebody else"
        " manage the root folder first, or switch the token on (`cloudsvc token enable`)."
    )
    return CloudError(Kind.CONFLICT, "last_manager", message)
