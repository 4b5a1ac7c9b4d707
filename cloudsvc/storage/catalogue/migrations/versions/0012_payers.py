"""Versions remember who has stored them, and what each user has stored is counted."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """What is there was stored by nobody."""
    text = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    number = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    op.create_table(
        "payer",
        sa.Column("id", number, nullable=False, autoincrement=False),
        sa.Column("name", text, nullable=False),
        sa.Column("stored_bytes", number, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    for table in ("version", "trash"):
        op.add_column(table, sa.Column("payer", number))
    is_paid = {
        "version_paid": (
            "version",
            ["payer", "superseded_at", "id"],
            "superseded_at IS NOT NULL AND payer IS NOT NULL",
        ),
        "trash_paid": ("trash", ["payer", "id"], "shared = 0 AND payer IS NOT NULL"),
    }
    for name, (table, columns, condition) in is_paid.items():
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
