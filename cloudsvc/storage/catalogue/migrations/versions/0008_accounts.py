"""Folders may have a quota; what is stored counts to the account of the nearest one."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Everything that is there counts to the root."""
    op.create_table(
        "account",
        sa.Column("owner", sa.Integer(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("stored_bytes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner"], ["node.id"]),
        sa.PrimaryKeyConstraint("owner"),
    )
    op.add_column("version", sa.Column("account", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column("trash", sa.Column("account", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column("trash", sa.Column("shared", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.create_index(
        "version_evictable",
        "version",
        ["account", "superseded_at", "id"],
        sqlite_where=sa.text("superseded_at IS NOT NULL"),
    )
    op.create_index("version_account", "version", ["account", "id"], sqlite_where=sa.text("account != 1"))
    op.create_index("trash_evictable", "trash", ["account", "id"], sqlite_where=sa.text("shared = 0"))
    op.create_index("trash_account", "trash", ["account"], sqlite_where=sa.text("account != 1"))
