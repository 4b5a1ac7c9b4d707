"""Webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make their tables, empty."""
    op.create_table(
        "identity_webhook",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("maker", _TEXT, nullable=False),
        sa.Column("user_id", _TEXT, nullable=True),
        sa.Column("key_id", _TEXT, nullable=True),
        sa.Column("url", _TEXT, nullable=False),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("kinds", _TEXT, nullable=False),
        sa.Column("folder", _NUMBER, nullable=True),
        sa.Column("secret", _TEXT, nullable=False),
        sa.Column("former_secret", _TEXT, nullable=True),
        sa.Column("former_until", _NUMBER, nullable=True),
        sa.Column("is_disabled", _NUMBER, nullable=False),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("revision", _NUMBER, nullable=False),
        sa.Column("epoch", _TEXT, nullable=False),
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("owes_notice", _NUMBER, nullable=False),
        sa.Column("is_paused", _NUMBER, nullable=False),
        sa.Column("stop", _TEXT, nullable=True),
        sa.Column("delivered_at", _NUMBER, nullable=True),
        sa.Column("failures", _NUMBER, nullable=False),
        sa.Column("failing_since", _NUMBER, nullable=True),
        sa.Column("next_try", _NUMBER, nullable=True),
        sa.Column("attempts", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["identity_user.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("identity_webhook_maker", "identity_webhook", ["maker", "id"])
    op.create_index("identity_webhook_user", "identity_webhook", ["user_id", "id"])
    op.create_table(
        "identity_webhook_attempt",
        sa.Column("webhook_id", _TEXT, nullable=False),
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
        sa.Column("message", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("outcome", _TEXT, nullable=False),
        sa.Column("status", _NUMBER, nullable=True),
        sa.Column("milliseconds", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["identity_webhook.id"]),
        sa.PrimaryKeyConstraint("webhook_id", "number"),
    )
