"""The catalogue says to which installation it belongs, so that it is never used with the blobs of another one."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Leave it open: whoever opens the catalogue next, beside its blobs, decides."""
    op.add_column("state", sa.Column("installation", sa.String(), nullable=False, server_default=sa.text("''")))
