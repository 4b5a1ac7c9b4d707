"""By which key a key was made. Of those that there are nobody knows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_WAS_MADE = sa.text("made_by IS NOT NULL")


def upgrade() -> None:
    """Add the column, empty, and what finds the keys that were made by one."""
    op.add_column("identity_key", sa.Column("made_by", _TEXT, nullable=True))
    op.create_index(
        "identity_key_made_by", "identity_key", ["made_by", "id"], sqlite_where=_WAS_MADE, postgresql_where=_WAS_MADE
    )
