"""A catalogue can be frozen: until a moment, which is in its state, it refuses changes."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """None is."""
    moment = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    op.add_column("state", sa.Column("frozen_until", moment, nullable=False, server_default=sa.text("0")))
