"""Room that is reserved beside the audit in a file."""

from __future__ import annotations

from pathlib import Path

from cloudsvc.storage.audit.sqlite import NAME
from tests.support.audit_logs import open_sqlite
from tests.support.reactors import in_reactor


@in_reactor
async def test_what_was_given_up_is_taken_again(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path) as log:
        reserve = (tmp_path / NAME).with_suffix(".reserve")
        reserve.unlink()
        await log.tidy()
        assert reserve.stat().st_size > 0
