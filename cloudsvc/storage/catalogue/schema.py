"""The tables of the catalogue."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from cloudsvc.storage.database.columns import NUMBER, TEXT

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
_IS_SUPERSEDED = text("superseded_at IS NOT NULL")
_IS_OTHERS = text("account != 1")
_IS_ALONE = text("shared = 0")
_IS_SUPERSEDED_AND_PAID = text("superseded_at IS NOT NULL AND payer IS NOT NULL")
_IS_ALONE_AND_PAID = text("shared = 0 AND payer IS NOT NULL")

node: Final = Table(
    "node",
    metadata,
    # SQLite gives ids of removed rows again, unless it is told not to.
    Column("id", NUMBER, primary_key=True),
    Column("parent", NUMBER, ForeignKey("node.id")),
    Column("key", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("folded", TEXT, nullable=False),
    Column("kind", NUMBER, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("updated_at", NUMBER, nullable=False),
    # Of files only; size and type are those of the current version, so that lists need not look there.
    Column("version", NUMBER),
    Column("size", NUMBER),
    Column("media_type", TEXT),
    UniqueConstraint("parent", "key", name="node_place"),
    sqlite_autoincrement=True,
)

Index("node_created", node.c.created_at, node.c.id, sqlite_where=_IS_FILE, postgresql_where=_IS_FILE)
Index("node_updated", node.c.updated_at, node.c.id, sqlite_where=_IS_FILE, postgresql_where=_IS_FILE)
Index("node_size", node.c.size, node.c.id, sqlite_where=_IS_FILE, postgresql_where=_IS_FILE)
Index("node_key", node.c.key, node.c.id, sqlite_where=_IS_FILE, postgresql_where=_IS_FILE)

blob: Final = Table(
    "blob",
    metadata,
    Column("id", TEXT, primary_key=True),
    # SHA-256. It and the CRC-32 are empty until a background job has read the bytes.
    Column("digest", LargeBinary),
    Column("size", NUMBER, nullable=False),
    # How many versions consist of it.
    Column("refs", NUMBER, nullable=False),
    # For deletion: nothing comes to refer to it any more.
    Column("marked", NUMBER, nullable=False),
    Column("crc32", NUMBER),
)

Index("blob_digest", blob.c.digest, blob.c.size)
Index("blob_unused", blob.c.id, sqlite_where=text("refs = 0"), postgresql_where=text("refs = 0"))

UNMEASURED: Final = "digest IS NULL OR crc32 IS NULL"
"""Of blobs whose checksums are not all known."""

Index("blob_unmeasured", blob.c.id, sqlite_where=text(UNMEASURED), postgresql_where=text(UNMEASURED))

version: Final = Table(
    "version",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("node", NUMBER, ForeignKey("node.id"), nullable=False),
    Column("blob", TEXT, ForeignKey("blob.id"), nullable=False),
    Column("media_type", TEXT, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    # Empty while it is the current one.
    Column("superseded_at", NUMBER),
    # As whoever stored it says; empty where nobody said, and then it is the moment of storing.
    Column("modified_at", NUMBER),
    # The quota owner to which it counts, which may be about to be removed.
    Column("account", NUMBER, nullable=False, server_default=text("1")),
    # The user on whose behalf it was stored; empty where that was none. See ``payers``.
    Column("payer", NUMBER),
    sqlite_autoincrement=True,
)

Index("version_node", version.c.node, version.c.id)
Index("version_blob", version.c.blob)
Index(
    "version_superseded",
    version.c.superseded_at,
    version.c.id,
    sqlite_where=_IS_SUPERSEDED,
    postgresql_where=_IS_SUPERSEDED,
)
Index(
    "version_evictable",
    version.c.account,
    version.c.superseded_at,
    version.c.id,
    sqlite_where=_IS_SUPERSEDED,
    postgresql_where=_IS_SUPERSEDED,
)
Index(
    "version_paid",
    version.c.payer,
    version.c.superseded_at,
    version.c.id,
    sqlite_where=_IS_SUPERSEDED_AND_PAID,
    postgresql_where=_IS_SUPERSEDED_AND_PAID,
)
Index("version_account", version.c.account, version.c.id, sqlite_where=_IS_OTHERS, postgresql_where=_IS_OTHERS)

account: Final = Table(
    "account",
    metadata,
    # A folder with a quota. The root has none: what counts to it is in the state.
    Column("owner", NUMBER, ForeignKey("node.id"), primary_key=True, autoincrement=False),
    Column("quota", NUMBER, nullable=False),
    # Of all versions that count to it.
    Column("stored_bytes", NUMBER, nullable=False),
)

payer: Final = Table(
    "payer",
    metadata,
    # A user who has stored something, by their name, for which others know them. Rows stay: there are no more than
    # names of users.
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("name", TEXT, nullable=False, unique=True),
    # Of all versions that they have stored.
    Column("stored_bytes", NUMBER, nullable=False),
)

tag: Final = Table(
    "tag",
    metadata,
    Column("node", NUMBER, ForeignKey("node.id"), primary_key=True),
    Column("tag", TEXT, primary_key=True),
    sqlite_with_rowid=False,
)

Index("tag_tag", tag.c.tag, tag.c.node)

trash: Final = Table(
    "trash",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("node", NUMBER, ForeignKey("node.id"), nullable=False, unique=True),
    Column("path", TEXT, nullable=False),
    Column("deleted_at", NUMBER, nullable=False),
    Column("actor", TEXT, nullable=False),
    # The nodes from the root down to it, when it was deleted: `/1/5/9/`. By it is decided who may see the entry; where
    # nobody knows any more, it is the root alone.
    Column("chain", TEXT, nullable=False, server_default=text("'/1/'")),
    # The quota owner to which it counts.
    Column("account", NUMBER, nullable=False, server_default=text("1")),
    # Whether something in it counts to another one, so that it is not given up to make room.
    Column("shared", NUMBER, nullable=False, server_default=text("0")),
    # The user who has stored all versions in it; empty where that is nobody, or where there is too much to say.
    Column("payer", NUMBER),
    sqlite_autoincrement=True,
)

Index("trash_deleted", trash.c.deleted_at)
Index("trash_evictable", trash.c.account, trash.c.id, sqlite_where=_IS_ALONE, postgresql_where=_IS_ALONE)
Index("trash_paid", trash.c.payer, trash.c.id, sqlite_where=_IS_ALONE_AND_PAID, postgresql_where=_IS_ALONE_AND_PAID)
Index("trash_account", trash.c.account, sqlite_where=_IS_OTHERS, postgresql_where=_IS_OTHERS)

change: Final = Table(
    "change",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("node", NUMBER, nullable=False),
    Column("is_folder", NUMBER, nullable=False),
    Column("path", TEXT, nullable=False),
    Column("source", TEXT),
    Column("at", NUMBER, nullable=False),
    Column("actor", TEXT, nullable=False),
    # The nodes from the root down to it, at its path and at its source, as in the trash.
    Column("chain", TEXT, nullable=False, server_default=text("'/1/'")),
    Column("source_chain", TEXT),
    sqlite_autoincrement=True,
)

Index("change_at", change.c.at)

pin: Final = Table(
    "pin",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("until", NUMBER, nullable=False),
    sqlite_autoincrement=True,
)

state: Final = Table(
    "state",
    metadata,
    # There is one row.
    Column("id", NUMBER, primary_key=True),
    # Another one after the catalogue was restored.
    Column("epoch", TEXT, nullable=False),
    # Of all blobs.
    Column("stored_bytes", NUMBER, nullable=False),
    # The number of the last change that is not remembered any more.
    Column("forgotten", NUMBER, nullable=False),
    # Names of files up to this id are in the index of names; 0 where there is none. See ``name_index``.
    Column("indexed", NUMBER, nullable=False, server_default=text("0")),
    # The number of the last change. Whoever counts it on, at the end of a transaction, locks others out until then.
    Column("last_change", NUMBER, nullable=False, server_default=text("0")),
    # Whose blobs it refers to; empty until it is first opened beside them. See ``identity``.
    Column("installation", TEXT, nullable=False, server_default=text("''")),
    # Until when changes are refused; 0 where they are not, or where that does not end by itself. See ``freezing``.
    Column("frozen_until", NUMBER, nullable=False, server_default=text("0")),
    # Whether the drive has come from elsewhere, where it has not been left yet: changes are refused until it has.
    Column("arriving", NUMBER, nullable=False, server_default=text("0")),
    # The epoch with which the drive goes on elsewhere, so that changes are refused here; empty where it has not moved.
    Column("successor", TEXT, nullable=False, server_default=text("''")),
)
