"""Types of columns that mean the same in all engines."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Integer, String

NUMBER: Final = Integer().with_variant(BigInteger(), "postgresql")
"""64 bits, with a sign."""

TEXT: Final = String().with_variant(String(collation="C"), "postgresql")
"""Text that is compared and sorted by its code points, as SQLite does, whatever the language of a database."""
