"""First tables."""

import unicodedata

import sqlalchemy as sa
from alembic import op

from cloudsvc.storage.catalogue.migration import describe_beginning

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them, with the roots of the tree."""
    op.create_table(
        "blob",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("refs", sa.Integer(), nullable=False),
        sa.Column("condemned", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("blob_digest", "blob", ["digest", "size"], unique=False)
    op.create_index("blob_unused", "blob", ["id"], unique=False, sqlite_where=sa.text("refs = 0"))
    op.create_table(
        "change",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        sa.Column("is_folder", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("change_at", "change", ["at"], unique=False)
    op.create_table(
        "node",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("space", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("media_type", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent"],
            ["node.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("parent", "key", name="node_place"),
        sqlite_autoincrement=True,
    )
    op.create_index("node_created", "node", ["created_at", "id"], unique=False, sqlite_where=sa.text("kind = 1"))
    op.create_index("node_key", "node", ["key", "id"], unique=False, sqlite_where=sa.text("kind = 1"))
    op.create_index("node_size", "node", ["size", "id"], unique=False, sqlite_where=sa.text("kind = 1"))
    op.create_index("node_updated", "node", ["updated_at", "id"], unique=False, sqlite_where=sa.text("kind = 1"))
    op.create_table(
        "pin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("unicode", sa.String(), nullable=False),
        sa.Column("stored_bytes", sa.Integer(), nullable=False),
        sa.Column("forgotten", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("blob", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("blob"),
    )
    op.create_index("upload_expires", "upload", ["expires_at"], unique=False)
    op.create_table(
        "tag",
        sa.Column("node", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["node"],
            ["node.id"],
        ),
        sa.PrimaryKeyConstraint("node", "tag"),
        sqlite_with_rowid=False,
    )
    op.create_index("tag_tag", "tag", ["tag", "node"], unique=False)
    op.create_table(
        "trash",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("deleted_at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["node"],
            ["node.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("node"),
        sqlite_autoincrement=True,
    )
    op.create_index("trash_deleted", "trash", ["deleted_at"], unique=False)
    op.create_table(
        "version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        sa.Column("blob", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("superseded_at", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["blob"],
            ["blob.id"],
        ),
        sa.ForeignKeyConstraint(
            ["node"],
            ["node.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("version_blob", "version", ["blob"], unique=False)
    op.create_index("version_node", "version", ["node", "id"], unique=False)
    op.create_index(
        "version_superseded",
        "version",
        ["superseded_at", "id"],
        unique=False,
        sqlite_where=sa.text("superseded_at IS NOT NULL"),
    )
    op.bulk_insert(
        sa.table("state", *map(sa.column, ("id", "epoch", "unicode", "stored_bytes", "forgotten"))),
        [{**describe_beginning(), "unicode": unicodedata.unidata_version}],
    )
    columns = ("id", "key", "name", "folded", "kind", "space", "created_at", "updated_at")
    op.bulk_insert(
        sa.table("node", *map(sa.column, columns)),
        # The root, the trash, what is purged.
        [dict(zip(columns, (number, "", "", "", 0, 1, 0, 0), strict=True)) for number in (1, 2, 3)],
    )
