"""
Bounds of users, groups, keys and links. What each question about the drive carries is a few hundred grants at most.
"""

from __future__ import annotations

from typing import Final

MAX_USERS: Final = 10_000
"""Users at a time."""

MAX_NAMES: Final = 100_000
"""Names that users have or had: none is ever given again."""

MAX_GROUPS: Final = 1_000
"""Groups at a time."""

MAX_PROGRAM_KEYS: Final = 10_000
"""Keys of all programs, with those that have ended and are still kept."""

MAX_USER_KEYS: Final = 100
"""Keys of one user, with those that have ended and are still kept."""

MAX_USER_GRANTS: Final = 100
"""Grants of one user, without those of groups."""

MAX_GROUP_GRANTS: Final = 20
"""Grants of one group."""

MAX_USER_GROUPS: Final = 16
"""Groups of one user."""

MAX_KEY_GRANTS: Final = 80
"""
Grants of one key. What it has in common with its holder are two roles at most for each folder that either names: that
is :data:`cloudsvc.core.actors.MAX_GRANTS` together.
"""

LARGEST_FOLDER: Final = 2**63 - 1
"""The greatest id that a folder can have."""

MAX_SCOPES: Final = 50
"""Scopes of a user or a key."""

MAX_SCOPE: Final = 64
"""Characters of a scope."""

MAX_NOTED: Final = 1_000
"""Keys whose last use is written down in one step."""

MAX_FOUND: Final = 100
"""
Keys or sessions that are looked up in one step. What they may do takes the event loop some 10 ms, and 100 at the worst.
"""

MAX_RESTRICTIONS: Final = 10_000
"""Restricting changes that a store remembers; :class:`cloudsvc.identity.store.Restriction` says for what."""

ENDED_KEY_SECONDS: Final = 30 * 24 * 60 * 60
"""Seconds for which a key that has ended is still listed."""

MAX_USER_SESSIONS: Final = 20
"""Sessions of one user; the one that was seen longest ago gives way to one more."""

MAX_USER_SUBJECTS: Final = 10
"""Subjects of one user: what they are called by identity providers."""

SESSION_IDLE_SECONDS: Final = 12 * 60 * 60
"""Seconds without a request after which a session ends."""

SESSION_SECONDS: Final = 14 * 24 * 60 * 60
"""Seconds after which a session ends, however much it is used (NIST SP 800-63B asks for 30 days at most)."""

SEEN_SECONDS: Final = 5 * 60
"""To how many seconds it is known when a session was seen: so seldom is it written down, and never by a request."""

MAX_USER_PENDING: Final = 5
"""Sign-ins of one user that wait for a second factor; the one that expires first gives way to one more."""

PENDING_SECONDS: Final = 5 * 60
"""Seconds for which a sign-in waits for a second factor."""

MAX_PENDING_TRIES: Final = 5
"""How often a second factor is looked at in one sign-in."""

RECENT_SECONDS: Final = 10 * 60
"""Seconds after signing in for which users change their second factors."""

MAX_LINKS: Final = 10_000
"""Links in all, with those that ended in the last 30 days."""

MAX_MAKER_LINKS: Final = 500
"""The same of one user or program, or of the owner."""

MAX_LINK_USES: Final = 10_000
"""The greatest limit of uses that a link can have; so many marks of its uses may be kept."""

PART_SECONDS: Final = 24 * 60 * 60
"""Seconds after its beginning for which a download by a link may be gone on with."""

MAX_PARTS: Final = 1_000
"""Requests that go on with one download by a link; one more is another download."""

MAX_USER_PASSKEYS: Final = 10
"""Passkeys of one user."""
