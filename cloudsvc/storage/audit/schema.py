"""The tables of the audit. They may be in a database that has others, so that their names begin alike."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, LargeBinary, MetaData, Table

from cloudsvc.storage.database.columns import NUMBER, TEXT

metadata: Final = MetaData()

entry: Final = Table(
    "audit_entry",
    metadata,
    # No index but this one: an entry costs one row, and whoever looks for some looks through a bounded number.
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("at", NUMBER, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("credential", TEXT, nullable=False),
    Column("key_id", TEXT, nullable=False),
    Column("client", TEXT, nullable=False),
    Column("request", TEXT, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("target", TEXT, nullable=False),
    Column("target_id", TEXT, nullable=False),
    Column("outcome", TEXT, nullable=False),
    Column("status", NUMBER, nullable=False),
    Column("times", NUMBER, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

state: Final = Table(
    "audit_state",
    metadata,
    # There is one row.
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    # The last entry that was cut off at the beginning, and the last one of all.
    Column("base_number", NUMBER, nullable=False),
    Column("base_digest", LargeBinary, nullable=False),
    Column("head_number", NUMBER, nullable=False),
    Column("head_digest", LargeBinary, nullable=False),
)
