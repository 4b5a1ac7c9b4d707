"""Folders above entries of the trash and changes, at their moment: by them is decided who may see these."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """
    Add the columns. What happened before says where, but not in which folders that was: only who may see everything
    sees it. No row is written anew, for there may be millions.
    """
    for table in ("trash", "change"):
        op.add_column(table, sa.Column("chain", sa.String(), nullable=False, server_default=sa.text("'/1/'")))
    op.add_column("change", sa.Column("source_chain", sa.String(), nullable=True))
