"""The tables of the audit. They may be in a database that has others, so that their names begin alike."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table

metadata: Final = MetaData()

_NUMBER: Final = Integer().with_variant(BigInteger(), "postgresql")
"""64 bits, with a sign."""

_TEXT: Final = String().with_variant(String(collation="C"), "postgresql")
"""Text that is compared by its code points, as SQLite does, whatever the language of a database."""

entry: Final = Table(
    "audit_entry",
    metadata,
    # No index but this one: an entry costs one row, and whoever looks for some looks through a bounded number.
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("at", _NUMBER, nullable=False),
    Column("actor", _TEXT, nullable=False),
    Column("credential", _TEXT, nullable=False),
    Column("key_id", _TEXT, nullable=False),
    Column("client", _TEXT, nullable=False),
    Column("request", _TEXT, nullable=False),
    Column("action", _TEXT, nullable=False),
    Column("target", _TEXT, nullable=False),
    Column("target_id", _TEXT, nullable=False),
    Column("outcome", _TEXT, nullable=False),
    Column("status", _NUMBER, nullable=False),
    Column("times", _NUMBER, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

state: Final = Table(
    "audit_state",
    metadata,
    # There is one row.
    Column("id", _NUMBER, primary_key=True, autoincrement=False),
    # The last entry that was cut off at the beginning, and the last one of all.
    Column("base_number", _NUMBER, nullable=False),
    Column("base_digest", LargeBinary, nullable=False),
    Column("head_number", _NUMBER, nullable=False),
    Column("head_digest", LargeBinary, nullable=False),
)
