"""The tables of the catalogue."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint, text

metadata: Final = MetaData()

ROOT: Final = 1
"""The node from which every path starts."""

TRASH: Final = 2
"""The parent of what was thrown away."""

PURGED: Final = 3
"""The parent of what is about to be removed, bit by bit."""

FOLDER: Final = 0
FILE: Final = 1

_IS_FILE = text("kind = 1")

node: Final = Table(
    "node",
    metadata,
    # SQLite gives ids of removed rows again, unless it is told not to.
    Column("id", Integer, primary_key=True),
    Column("parent", Integer, ForeignKey("node.id")),
    Column("key", String, nullable=False),
    Column("name", String, nullable=False),
    Column("folded", String, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("space", Integer, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    # Of files only; size and type are those of the current version, so that lists need not look there.
    Column("version", Integer),
    Column("size", Integer),
    Column("media_type", String),
    UniqueConstraint("parent", "key", name="node_place"),
    sqlite_autoincrement=True,
)

Index("node_created", node.c.created_at, node.c.id, sqlite_where=_IS_FILE)
Index("node_updated", node.c.updated_at, node.c.id, sqlite_where=_IS_FILE)
Index("node_size", node.c.size, node.c.id, sqlite_where=_IS_FILE)
Index("node_key", node.c.key, node.c.id, sqlite_where=_IS_FILE)

blob: Final = Table(
    "blob",
    metadata,
    Column("id", String, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    # How many versions consist of it.
    Column("refs", Integer, nullable=False),
    Column("condemned", Integer, nullable=False),
)

Index("blob_digest", blob.c.digest, blob.c.size)
Index("blob_unused", blob.c.id, sqlite_where=text("refs = 0"))

version: Final = Table(
    "version",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("node", Integer, ForeignKey("node.id"), nullable=False),
    Column("blob", String, ForeignKey("blob.id"), nullable=False),
    Column("media_type", String, nullable=False),
    Column("created_at", Integer, nullable=False),
    # Empty while it is the current one.
    Column("superseded_at", Integer),
    sqlite_autoincrement=True,
)

Index("version_node", version.c.node, version.c.id)
Index("version_blob", version.c.blob)
Index("version_superseded", version.c.superseded_at, version.c.id, sqlite_where=text("superseded_at IS NOT NULL"))

tag: Final = Table(
    "tag",
    metadata,
    Column("node", Integer, ForeignKey("node.id"), primary_key=True),
    Column("tag", String, primary_key=True),
    sqlite_with_rowid=False,
)

Index("tag_tag", tag.c.tag, tag.c.node)

trash: Final = Table(
    "trash",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("node", Integer, ForeignKey("node.id"), nullable=False, unique=True),
    Column("path", String, nullable=False),
    Column("deleted_at", Integer, nullable=False),
    Column("actor", String, nullable=False),
    sqlite_autoincrement=True,
)

Index("trash_deleted", trash.c.deleted_at)

change: Final = Table(
    "change",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("node", Integer, nullable=False),
    Column("is_folder", Integer, nullable=False),
    Column("path", String, nullable=False),
    Column("source", String),
    Column("at", Integer, nullable=False),
    Column("actor", String, nullable=False),
    sqlite_autoincrement=True,
)

Index("change_at", change.c.at)

pin: Final = Table(
    "pin",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("until", Integer, nullable=False),
    sqlite_autoincrement=True,
)

upload: Final = Table(
    "upload",
    metadata,
    Column("id", String, primary_key=True),
    Column("blob", String, nullable=False, unique=True),
    Column("owner", String, nullable=False),
    Column("path", String, nullable=False),
    Column("offset", Integer, nullable=False),
    Column("length", Integer),
    Column("expires_at", Integer, nullable=False),
)

Index("upload_expires", upload.c.expires_at)

state: Final = Table(
    "state",
    metadata,
    # There is one row.
    Column("id", Integer, primary_key=True),
    # Another one after the catalogue was restored.
    Column("epoch", String, nullable=False),
    # The version of Unicode that made the keys first.
    Column("unicode", String, nullable=False),
    # Of all blobs.
    Column("stored_bytes", Integer, nullable=False),
    # The number of the last change that is not remembered any more.
    Column("forgotten", Integer, nullable=False),
)
