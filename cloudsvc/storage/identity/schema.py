"""
The tables of users, groups, keys, sessions, webhooks, links and subjects.

They may be in a database that has others, so that their names begin alike. Lists of which all is always read, and
nothing is looked for, are JSON.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from cloudsvc.storage.database.columns import NUMBER, TEXT

metadata: Final = MetaData()

_ENDS: Final = text("ended_at IS NOT NULL")
_WAS_MADE: Final = text("made_by IS NOT NULL")

user: Final = Table(
    "identity_user",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("name_key", TEXT, nullable=False),
    Column("display_name", TEXT, nullable=False),
    Column("scopes", TEXT, nullable=False),
    # Pairs of a folder and a role, as in all tables that have them.
    Column("grants", TEXT, nullable=False),
    # Empty for as much as there is room for.
    Column("quota", NUMBER),
    Column("is_disabled", NUMBER, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    # What is kept of the password; empty where there is none, and then 0 is when it was set.
    Column("password", TEXT),
    Column("password_set", NUMBER, nullable=False),
    Column("revision", NUMBER, nullable=False),
    # Of the last change of their second factors; empty where they have none.
    Column("factors_set", NUMBER),
    UniqueConstraint("name_key", name="identity_user_name"),
)

name: Final = Table(
    "identity_name",
    metadata,
    # Of all users that there are or were: none is given again.
    Column("name_key", TEXT, primary_key=True),
)

group: Final = Table(
    "identity_group",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("name_key", TEXT, nullable=False),
    Column("grants", TEXT, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("revision", NUMBER, nullable=False),
    UniqueConstraint("name_key", name="identity_group_name"),
)

member: Final = Table(
    "identity_member",
    metadata,
    Column("user_id", TEXT, ForeignKey("identity_user.id"), primary_key=True),
    Column("group_id", TEXT, ForeignKey("identity_group.id"), primary_key=True),
)

Index("identity_member_group", member.c.group_id, member.c.user_id)

key: Final = Table(
    "identity_key",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("label", TEXT, nullable=False),
    # Empty for a program's, which has a name instead.
    Column("holder", TEXT, ForeignKey("identity_user.id")),
    Column("program", TEXT),
    Column("program_key", TEXT),
    Column("maker", TEXT, nullable=False),
    # Empty for all that its holder may.
    Column("grants", TEXT),
    Column("scopes", TEXT, nullable=False),
    Column("rate", TEXT),
    Column("created_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER),
    Column("revoked_at", NUMBER),
    # The earlier of both.
    Column("ended_at", NUMBER),
    Column("last_used", NUMBER),
    # SHA-256 of its secret.
    Column("digest", LargeBinary, nullable=False),
    Column("made", NUMBER, nullable=False),
    Column("revision", NUMBER, nullable=False),
    # The key by which it was made, if it was one; that may be gone.
    Column("made_by", TEXT),
)

Index("identity_key_made_by", key.c.made_by, key.c.id, sqlite_where=_WAS_MADE, postgresql_where=_WAS_MADE)
Index("identity_key_holder", key.c.holder, key.c.id)
Index("identity_key_ended", key.c.ended_at, key.c.id, sqlite_where=_ENDS, postgresql_where=_ENDS)

session: Final = Table(
    "identity_session",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("user_id", TEXT, ForeignKey("identity_user.id"), nullable=False),
    Column("label", TEXT, nullable=False),
    # Of a key that may be gone: then it is no good. Empty after a password.
    Column("key_id", TEXT),
    Column("created_at", NUMBER, nullable=False),
    Column("seen_at", NUMBER, nullable=False),
    Column("ends_at", NUMBER, nullable=False),
    # When it ends, if it is not seen again.
    Column("expires_at", NUMBER, nullable=False),
    # SHA-256 of its secret.
    Column("digest", LargeBinary, nullable=False),
    Column("made", NUMBER, nullable=False),
    # Of a subject by which it was begun, and with which it is removed.
    Column("subject_id", TEXT),
)

Index("identity_session_user", session.c.user_id, session.c.id)
Index("identity_session_expires", session.c.expires_at, session.c.id)

webhook: Final = Table(
    "identity_webhook",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("maker", TEXT, nullable=False),
    # Empty for the owner's, and a program's.
    Column("user_id", TEXT, ForeignKey("identity_user.id")),
    # The key by which it was made, if it was one; that may be gone.
    Column("key_id", TEXT),
    Column("url", TEXT, nullable=False),
    Column("label", TEXT, nullable=False),
    Column("kinds", TEXT, nullable=False),
    Column("folder", NUMBER),
    # As they are: messages are signed with them.
    Column("secret", TEXT, nullable=False),
    Column("former_secret", TEXT),
    Column("former_until", NUMBER),
    Column("is_disabled", NUMBER, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("revision", NUMBER, nullable=False),
    # From here on it is how far it has come, which is no change.
    Column("epoch", TEXT, nullable=False),
    Column("number", NUMBER, nullable=False),
    Column("owes_notice", NUMBER, nullable=False),
    Column("is_paused", NUMBER, nullable=False),
    Column("stop", TEXT),
    Column("delivered_at", NUMBER),
    Column("failures", NUMBER, nullable=False),
    Column("failing_since", NUMBER),
    Column("next_try", NUMBER),
    # How many there were.
    Column("attempts", NUMBER, nullable=False),
)

Index("identity_webhook_maker", webhook.c.maker, webhook.c.id)
Index("identity_webhook_user", webhook.c.user_id, webhook.c.id)

webhook_attempt: Final = Table(
    "identity_webhook_attempt",
    metadata,
    Column("webhook_id", TEXT, ForeignKey("identity_webhook.id"), primary_key=True),
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("at", NUMBER, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("outcome", TEXT, nullable=False),
    Column("status", NUMBER),
    Column("milliseconds", NUMBER, nullable=False),
)

totp: Final = Table(
    "identity_totp",
    metadata,
    Column("user_id", TEXT, ForeignKey("identity_user.id"), primary_key=True),
    # In Base32. Whoever checks codes has to know it.
    Column("secret", TEXT, nullable=False),
    Column("is_confirmed", NUMBER, nullable=False),
    # Of the last code that was shown: neither it nor an earlier one is good again.
    Column("last_step", NUMBER, nullable=False),
    Column("created_at", NUMBER, nullable=False),
)

recovery_code: Final = Table(
    "identity_recovery_code",
    metadata,
    Column("user_id", TEXT, ForeignKey("identity_user.id"), primary_key=True),
    # SHA-256 of it.
    Column("digest", LargeBinary, primary_key=True),
    Column("made", NUMBER, nullable=False),
)

pending: Final = Table(
    "identity_pending",
    metadata,
    # Sign-ins of users who have shown their password, and no second factor yet.
    Column("id", TEXT, primary_key=True),
    Column("user_id", TEXT, ForeignKey("identity_user.id"), nullable=False),
    # SHA-256 of its secret.
    Column("digest", LargeBinary, nullable=False),
    Column("password_set", NUMBER, nullable=False),
    Column("tries", NUMBER, nullable=False),
    Column("expires_at", NUMBER, nullable=False),
)

Index("identity_pending_user", pending.c.user_id, pending.c.id)
Index("identity_pending_expires", pending.c.expires_at, pending.c.id)
subject: Final = Table(
    "identity_subject",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("user_id", TEXT, ForeignKey("identity_user.id"), nullable=False),
    # What issues, and what it calls the user.
    Column("issuer", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("made", NUMBER, nullable=False),
    UniqueConstraint("issuer", "subject", name="identity_subject_name"),
)

Index("identity_subject_user", subject.c.user_id, subject.c.id)

link: Final = Table(
    "identity_link",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("role", TEXT, nullable=False),
    # The node that it is for; the drive has it, or had it.
    Column("target", NUMBER, nullable=False),
    Column("label", TEXT, nullable=False),
    # Empty for one of the owner or of a program.
    Column("holder", TEXT, ForeignKey("identity_user.id")),
    Column("maker", TEXT, nullable=False),
    # The key by which it was made, if it was one; that may be gone.
    Column("made_by", TEXT),
    # What is kept of its password.
    Column("password", TEXT),
    Column("most_uses", NUMBER),
    Column("uses", NUMBER, nullable=False),
    Column("last_used", NUMBER),
    Column("created_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER),
    Column("revoked_at", NUMBER),
    # The earlier of both.
    Column("ended_at", NUMBER),
    # SHA-256 of its secret.
    Column("digest", LargeBinary, nullable=False),
    Column("made", NUMBER, nullable=False),
    Column("revision", NUMBER, nullable=False),
)

Index("identity_link_holder", link.c.holder, link.c.id)
Index("identity_link_maker", link.c.maker, link.c.id)
Index("identity_link_made_by", link.c.made_by, link.c.id, sqlite_where=_WAS_MADE, postgresql_where=_WAS_MADE)
Index("identity_link_ended", link.c.ended_at, link.c.id, sqlite_where=_ENDS, postgresql_where=_ENDS)

link_part: Final = Table(
    "identity_link_part",
    metadata,
    Column("link_id", TEXT, ForeignKey("identity_link.id"), primary_key=True),
    # What parts of one download have in common, as a digest.
    Column("mark", LargeBinary, primary_key=True),
    Column("begun_at", NUMBER, nullable=False),
    # How many requests have gone on with it.
    Column("parts", NUMBER, nullable=False),
)

passkey: Final = Table(
    "identity_passkey",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("user_id", TEXT, ForeignKey("identity_user.id"), nullable=False),
    Column("label", TEXT, nullable=False),
    # The name of the server for which it was made.
    Column("host", TEXT, nullable=False),
    Column("credential", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", NUMBER, nullable=False),
    Column("is_synced", NUMBER, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("used_at", NUMBER),
    Column("made", NUMBER, nullable=False),
    UniqueConstraint("credential", name="identity_passkey_credential"),
)

Index("identity_passkey_user", passkey.c.user_id, passkey.c.id)

challenge: Final = Table(
    "identity_challenge",
    metadata,
    # SHA-256 of challenges that were signed: none is good again.
    Column("digest", LargeBinary, primary_key=True),
    Column("expires_at", NUMBER, nullable=False),
)

Index("identity_challenge_expires", challenge.c.expires_at, challenge.c.digest)

restriction: Final = Table(
    "identity_restriction",
    metadata,
    # Restricting changes, as many as are remembered.
    Column("revision", NUMBER, primary_key=True, autoincrement=False),
    Column("mark", TEXT, nullable=False),
)

state: Final = Table(
    "identity_state",
    metadata,
    # There is one row.
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    # Of the last change. Whoever counts it on locks others out until the transaction ends.
    Column("revision", NUMBER, nullable=False),
    # Keys, passwords and sessions that this change, or an earlier one, has made are no good any more.
    Column("void_until", NUMBER, nullable=False),
    # Whether the owner's token is switched off.
    Column("refuses_owner", NUMBER, nullable=False, server_default="0"),
    # By which challenges are known; of each store its own.
    Column("seal", LargeBinary),
)
