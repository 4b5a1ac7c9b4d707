"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_ENDS = sa.text("ended_at IS NOT NULL")


def upgrade() -> None:
    """Make them, empty."""
    op.create_table(
        "identity_user",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("name_key", _TEXT, nullable=False),
        sa.Column("display_name", _TEXT, nullable=False),
        sa.Column("scopes", _TEXT, nullable=False),
        sa.Column("grants", _TEXT, nullable=False),
        sa.Column("quota", _NUMBER, nullable=True),
        sa.Column("is_disabled", _NUMBER, nullable=False),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("password", _TEXT, nullable=True),
        sa.Column("password_set", _NUMBER, nullable=False),
        sa.Column("revision", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name_key", name="identity_user_name"),
    )
    op.create_table(
        "identity_name",
        sa.Column("name_key", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name_key"),
    )
    op.create_table(
        "identity_group",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("name_key", _TEXT, nullable=False),
        sa.Column("grants", _TEXT, nullable=False),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("revision", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name_key", name="identity_group_name"),
    )
    op.create_table(
        "identity_member",
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("group_id", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["identity_user.id"]),
        sa.ForeignKeyConstraint(["group_id"], ["identity_group.id"]),
        sa.PrimaryKeyConstraint("user_id", "group_id"),
    )
    op.create_index("identity_member_group", "identity_member", ["group_id", "user_id"])
    op.create_table(
        "identity_key",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("holder", _TEXT, nullable=True),
        sa.Column("program", _TEXT, nullable=True),
        sa.Column("program_key", _TEXT, nullable=True),
        sa.Column("maker", _TEXT, nullable=False),
        sa.Column("grants", _TEXT, nullable=True),
        sa.Column("scopes", _TEXT, nullable=False),
        sa.Column("rate", _TEXT, nullable=True),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=True),
        sa.Column("revoked_at", _NUMBER, nullable=True),
        sa.Column("ended_at", _NUMBER, nullable=True),
        sa.Column("last_used", _NUMBER, nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("made", _NUMBER, nullable=False),
        sa.Column("revision", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["holder"], ["identity_user.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("identity_key_holder", "identity_key", ["holder", "id"])
    op.create_index(
        "identity_key_ended", "identity_key", ["ended_at", "id"], sqlite_where=_ENDS, postgresql_where=_ENDS
    )
    op.create_table(
        "identity_restriction",
        sa.Column("revision", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("mark", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("revision"),
    )
    state = op.create_table(
        "identity_state",
        sa.Column("id", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("revision", _NUMBER, nullable=False),
        sa.Column("void_until", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(state, [{"id": 1, "revision": 0, "void_until": 0}])
