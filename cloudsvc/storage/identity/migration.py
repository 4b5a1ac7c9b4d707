"""Schema migration of users, groups and keys: a history of their own, which both engines have from its beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cloudsvc.storage.database.migration import History

HEAD: Final = "0009"
"""The newest migration."""

HISTORY: Final = History(
    scripts=Path(__file__).with_name("migrations"), head=HEAD, version_table="identity_alembic_version"
)
