"""Checksums of a blob may be unknown for a while, and CRC-32 is one; the table of uploads, which nothing used, goes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_COLUMNS = "id, digest, size, refs, condemned"


def upgrade() -> None:
    """Make the table of blobs anew, as SQLite has no other way to let a column be empty. What refers to it stays."""
    op.drop_index("upload_expires", table_name="upload")
    op.drop_table("upload")
    op.drop_index("blob_digest", table_name="blob")
    op.drop_index("blob_unused", table_name="blob")
    # Or SQLite would let those who refer to the table refer to its former name.
    op.execute("PRAGMA legacy_alter_table = ON")
    op.execute("ALTER TABLE blob RENAME TO former_blob")
    op.execute("PRAGMA legacy_alter_table = OFF")
    op.create_table(
        "blob",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("refs", sa.Integer(), nullable=False),
        sa.Column("condemned", sa.Integer(), nullable=False),
        sa.Column("crc32", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(f"INSERT INTO blob ({_COLUMNS}) SELECT {_COLUMNS} FROM former_blob ORDER BY id")  # noqa: S608  # constants
    op.drop_table("former_blob")
    op.create_index("blob_digest", "blob", ["digest", "size"], unique=False)
    op.create_index("blob_unused", "blob", ["id"], unique=False, sqlite_where=sa.text("refs = 0"))
    op.create_index(
        "blob_unmeasured", "blob", ["id"], unique=False, sqlite_where=sa.text("digest IS NULL OR crc32 IS NULL")
    )
