"""Schema migration of the audit: a history of its own, which both engines have from its beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cloudsvc.storage.database.migration import History

HEAD: Final = "0001"
"""The newest migration."""

HISTORY: Final = History(
    scripts=Path(__file__).with_name("migrations"), head=HEAD, version_table="audit_alembic_version"
)
