"""
The tables of users, groups, keys and sessions.

They may be in a database that has others, so that their names begin alike. Lists of which all is always read, and
nothing is looked for, are JSON.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

metadata: Final = MetaData()

_NUMBER: Final = Integer().with_variant(BigInteger(), "postgresql")
"""64 bits, with a sign."""

_TEXT: Final = String().with_variant(String(collation="C"), "postgresql")
"""Text that is compared and sorted by its code points, as SQLite does, whatever the language of a database."""

_ENDS: Final = text("ended_at IS NOT NULL")
_WAS_MADE: Final = text("made_by IS NOT NULL")

user: Final = Table(
    "identity_user",
    metadata,
    Column("id", _TEXT, primary_key=True),
    Column("name", _TEXT, nullable=False),
    Column("name_key", _TEXT, nullable=False),
    Column("display_name", _TEXT, nullable=False),
    Column("scopes", _TEXT, nullable=False),
    # Pairs of a folder and a role, as in all tables that have them.
    Column("grants", _TEXT, nullable=False),
    # Empty for as much as there is room for.
    Column("quota", _NUMBER),
    Column("is_disabled", _NUMBER, nullable=False),
    Column("created_at", _NUMBER, nullable=False),
    # What is kept of the password; empty where there is none, and then 0 is when it was set.
    Column("password", _TEXT),
    Column("password_set", _NUMBER, nullable=False),
    Column("revision", _NUMBER, nullable=False),
    UniqueConstraint("name_key", name="identity_user_name"),
)

name: Final = Table(
    "identity_name",
    metadata,
    # Of all users that there are or were: none is given again.
    Column("name_key", _TEXT, primary_key=True),
)

group: Final = Table(
    "identity_group",
    metadata,
    Column("id", _TEXT, primary_key=True),
    Column("name", _TEXT, nullable=False),
    Column("name_key", _TEXT, nullable=False),
    Column("grants", _TEXT, nullable=False),
    Column("created_at", _NUMBER, nullable=False),
    Column("revision", _NUMBER, nullable=False),
    UniqueConstraint("name_key", name="identity_group_name"),
)

member: Final = Table(
    "identity_member",
    metadata,
    Column("user_id", _TEXT, ForeignKey("identity_user.id"), primary_key=True),
    Column("group_id", _TEXT, ForeignKey("identity_group.id"), primary_key=True),
)

Index("identity_member_group", member.c.group_id, member.c.user_id)

key: Final = Table(
    "identity_key",
    metadata,
    Column("id", _TEXT, primary_key=True),
    Column("label", _TEXT, nullable=False),
    # Empty for a program's, which has a name instead.
    Column("holder", _TEXT, ForeignKey("identity_user.id")),
    Column("program", _TEXT),
    Column("program_key", _TEXT),
    Column("maker", _TEXT, nullable=False),
    # Empty for all that its holder may.
    Column("grants", _TEXT),
    Column("scopes", _TEXT, nullable=False),
    Column("rate", _TEXT),
    Column("created_at", _NUMBER, nullable=False),
    Column("expires_at", _NUMBER),
    Column("revoked_at", _NUMBER),
    # The earlier of both.
    Column("ended_at", _NUMBER),
    Column("last_used", _NUMBER),
    # SHA-256 of its secret.
    Column("digest", LargeBinary, nullable=False),
    Column("made", _NUMBER, nullable=False),
    Column("revision", _NUMBER, nullable=False),
    # The key by which it was made, if it was one; that may be gone.
    Column("made_by", _TEXT),
)

Index("identity_key_made_by", key.c.made_by, key.c.id, sqlite_where=_WAS_MADE, postgresql_where=_WAS_MADE)
Index("identity_key_holder", key.c.holder, key.c.id)
Index("identity_key_ended", key.c.ended_at, key.c.id, sqlite_where=_ENDS, postgresql_where=_ENDS)

session: Final = Table(
    "identity_session",
    metadata,
    Column("id", _TEXT, primary_key=True),
    Column("user_id", _TEXT, ForeignKey("identity_user.id"), nullable=False),
    Column("label", _TEXT, nullable=False),
    # Of a key that may be gone: then it is no good. Empty after a password.
    Column("key_id", _TEXT),
    Column("created_at", _NUMBER, nullable=False),
    Column("seen_at", _NUMBER, nullable=False),
    Column("ends_at", _NUMBER, nullable=False),
    # When it ends, if it is not seen again.
    Column("expires_at", _NUMBER, nullable=False),
    # SHA-256 of its secret.
    Column("digest", LargeBinary, nullable=False),
    Column("made", _NUMBER, nullable=False),
)

Index("identity_session_user", session.c.user_id, session.c.id)
Index("identity_session_expires", session.c.expires_at, session.c.id)

restriction: Final = Table(
    "identity_restriction",
    metadata,
    # Restricting changes, as many as are remembered.
    Column("revision", _NUMBER, primary_key=True, autoincrement=False),
    Column("mark", _TEXT, nullable=False),
)

state: Final = Table(
    "identity_state",
    metadata,
    # There is one row.
    Column("id", _NUMBER, primary_key=True, autoincrement=False),
    # Of the last change. Whoever counts it on locks others out until the transaction ends.
    Column("revision", _NUMBER, nullable=False),
    # Keys, passwords and sessions that this change, or an earlier one, has made are no good any more.
    Column("void_until", _NUMBER, nullable=False),
)
