"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make them, empty."""
    op.create_table(
        "audit_entry",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
        sa.Column("actor", _TEXT, nullable=False),
        sa.Column("credential", _TEXT, nullable=False),
        sa.Column("key_id", _TEXT, nullable=False),
        sa.Column("client", _TEXT, nullable=False),
        sa.Column("request", _TEXT, nullable=False),
        sa.Column("action", _TEXT, nullable=False),
        sa.Column("target", _TEXT, nullable=False),
        sa.Column("target_id", _TEXT, nullable=False),
        sa.Column("outcome", _TEXT, nullable=False),
        sa.Column("status", _NUMBER, nullable=False),
        sa.Column("times", _NUMBER, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    state = op.create_table(
        "audit_state",
        sa.Column("id", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("base_number", _NUMBER, nullable=False),
        sa.Column("base_digest", sa.LargeBinary(), nullable=False),
        sa.Column("head_number", _NUMBER, nullable=False),
        sa.Column("head_digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    nothing = bytes(32)
    op.bulk_insert(
        state,
        [{"id": 1, "base_number": 0, "base_digest": nothing, "head_number": 0, "head_digest": nothing}],
    )
