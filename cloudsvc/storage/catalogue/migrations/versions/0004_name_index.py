"""The index of names, which is built while the server runs; and what nobody has ever read goes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Say that nothing is in the index yet."""
    op.add_column("state", sa.Column("indexed", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.drop_column("state", "unicode")
