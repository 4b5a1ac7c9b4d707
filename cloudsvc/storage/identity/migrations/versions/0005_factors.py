"""Second factors, and sign-ins that wait for one. Nobody has any yet."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make their tables, empty, and the column that says who has one."""
    op.add_column("identity_user", sa.Column("factors_set", _NUMBER, nullable=True))
    op.create_table(
        "identity_totp",
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("secret", _TEXT, nullable=False),
        sa.Column("is_confirmed", _NUMBER, nullable=False),
        sa.Column("last_step", _NUMBER, nullable=False),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["identity_user.id"]),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "identity_recovery_code",
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("made", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["identity_user.id"]),
        sa.PrimaryKeyConstraint("user_id", "digest"),
    )
    op.create_table(
        "identity_pending",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("password_set", _NUMBER, nullable=False),
        sa.Column("tries", _NUMBER, nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["identity_user.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("identity_pending_user", "identity_pending", ["user_id", "id"])
    op.create_index("identity_pending_expires", "identity_pending", ["expires_at", "id"])
