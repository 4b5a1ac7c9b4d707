"""Switch of the owner's token."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Add the column: it is on."""
    op.add_column("identity_state", sa.Column("refuses_owner", _NUMBER, nullable=False, server_default="0"))
