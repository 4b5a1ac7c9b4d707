"""Alterations in a file, by somebody who may write to it, are found."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cloudsvc.audit.verification import verify
from cloudsvc.storage.audit.sqlite import NAME
from cloudsvc.storage.database.sqlite.connections import connect
from tests.support.audit_logs import make_event, open_sqlite
from tests.support.reactors import in_reactor


@pytest.mark.parametrize(
    ("statement", "altered"),
    [
        ("UPDATE audit_entry SET actor = 'mallory' WHERE number = 3", 3),
        ("UPDATE audit_entry SET actor = x'00' WHERE number = 3", 3),
        ("UPDATE audit_entry SET actor = actor || char(0) WHERE number = 3", 3),
        ("UPDATE audit_entry SET actor = actor || printf('%300s', '') WHERE number = 4", 4),
        ("UPDATE audit_entry SET outcome = 'undone' WHERE number = 3", 3),
        ("UPDATE audit_entry SET at = 'now' WHERE number = 3", 3),
        ("UPDATE audit_entry SET status = -1 WHERE number = 3", 3),
        ("UPDATE audit_entry SET digest = 'none' WHERE number = 3", 3),
        ("UPDATE audit_entry SET digest = zeroblob(32) WHERE number = 5", 5),
        ("DELETE FROM audit_entry WHERE number = 3", 3),
        ("DELETE FROM audit_entry WHERE number = 1", 1),
        ("DELETE FROM audit_entry WHERE number = 5", 5),
        ("DELETE FROM audit_entry", 1),
        ("UPDATE audit_entry SET number = 7 WHERE number = 3", 3),
        ("UPDATE audit_state SET head_digest = zeroblob(32)", 5),
        ("UPDATE audit_state SET base_number = 2", 3),
        ("UPDATE audit_entry SET at = 4000000000000000000 WHERE number = 3", 3),
        ("DELETE FROM audit_state", 1),
        ("UPDATE audit_state SET base_digest = zeroblob(31)", 1),
    ],
)
@in_reactor
async def test_an_altered_row_is_found(statement: str, altered: int, tmp_path: Path) -> None:
    async with open_sqlite(tmp_path) as log:
        head = await log.append([make_event(number) for number in range(1, 6)])
        found = await verify(log)
        assert (found.altered, found.head) == (None, head)
        with closing(connect(tmp_path / NAME)) as connection:
            connection.execute(statement)
        assert (await verify(log)).altered == altered
