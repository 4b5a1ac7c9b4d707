"""Blobs are marked for deletion, as everybody calls it, and nodes lose a number that nobody read."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Neither needs the tables to be made anew."""
    op.execute("ALTER TABLE blob RENAME COLUMN condemned TO marked")
    op.execute("ALTER TABLE node DROP COLUMN space")
