"""Numbers of changes are counted in the state, in the order of commits."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_LAST = """
    UPDATE state SET last_change = max(
        forgotten,
        coalesce((SELECT max(number) FROM change), 0),
        coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change'), 0)
    )
"""


def upgrade() -> None:
    """Go on from the last number that was given, be it forgotten or not."""
    op.add_column("state", sa.Column("last_change", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.execute(_LAST)
