"""Audit logs in tests: every implementation, and short ways to fill them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from cloudsvc.audit.entries import Event, Outcome
from cloudsvc.audit.log import AuditLog
from cloudsvc.storage.audit.memory import Entries, MemoryAudit
from cloudsvc.storage.audit.postgresql import PostgreSQLAudit, open_postgresql_audit
from cloudsvc.storage.audit.sqlite import NAME, SQLiteAudit, open_sqlite_audit
from cloudsvc.storage.database.lanes import READER_THREADS
from tests.support.postgresql import find_database
from tests.support.reactors import run_threads

OpenAudit: TypeAlias = Callable[[Path], AbstractAsyncContextManager[AuditLog]]
"""A way to the log in a directory, which may be empty, closed at the end. Several may be open at once."""

_MEMORIES: Final[dict[Path, Entries]] = {}
"""What logs in memory have kept, by the directories where others would have kept it."""


@asynccontextmanager
async def open_memory(directory: Path) -> AsyncIterator[MemoryAudit]:
    """One in memory: of a directory, all have the same."""
    yield MemoryAudit(_MEMORIES.setdefault(directory, Entries()))


@asynccontextmanager
async def open_sqlite(directory: Path) -> AsyncIterator[SQLiteAudit]:
    """One in SQLite."""
    with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
        log = await open_sqlite_audit(directory / NAME, writer=writer, readers=readers)
        try:
            yield log
        finally:
            await log.close()


@asynccontextmanager
async def open_postgres(directory: Path) -> AsyncIterator[PostgreSQLAudit]:
    """One in PostgreSQL: of a directory, all have the same database."""
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
        log = await open_postgresql_audit(
            find_database(directory),
            writer=writer,
            readers=readers,
            reactor=reactor,  # type: ignore[arg-type]  # the module stands for it
        )
        try:
            yield log
        finally:
            await log.close()


AUDIT_LOGS: Final[dict[str, OpenAudit]] = {"memory": open_memory, "sqlite": open_sqlite, "postgresql": open_postgres}
"""Every implementation of ``AuditLog``."""


def make_event(number: int = 1, **fields: Any) -> Event:
    """An event that happened ``number`` seconds after the epoch, as ``fields`` say."""
    usual: dict[str, Any] = {"actor": "anna", "action": "files.put", "outcome": Outcome.DONE, "status": 201}
    return Event(at=number * 1_000_000, **{**usual, **fields})
