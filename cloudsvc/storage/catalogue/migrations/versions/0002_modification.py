"""Modification times of versions, as clients declare them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_IMPORTED = """
    UPDATE version SET modified_at = (SELECT node.updated_at FROM node WHERE node.id = version.node)
    WHERE superseded_at IS NULL
    AND created_at > (SELECT node.updated_at FROM node WHERE node.id = version.node AND node.version = version.id)
"""
"""What changed before it was stored came from elsewhere with its dates, which until now were those of the file."""


def upgrade() -> None:
    """Add the column. Where it is empty the moment of storing counts, so that hardly a row is written anew."""
    op.add_column("version", sa.Column("modified_at", sa.Integer(), nullable=True))
    op.execute(_IMPORTED)
