"""Subjects: users as identity providers know them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make their table, empty, and a place for them in sessions."""
    op.create_table(
        "identity_subject",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("issuer", _TEXT, nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("made", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["identity_user.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer", "subject", name="identity_subject_name"),
    )
    op.create_index("identity_subject_user", "identity_subject", ["user_id", "id"])
    op.add_column("identity_session", sa.Column("subject_id", _TEXT, nullable=True))
