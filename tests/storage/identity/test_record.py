"""The record of the last restricting change: kept durably, and no reason to trust anybody where it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.identity.revisions import Restriction, Revision, make_mark
from cloudsvc.identity.witness import Witness
from cloudsvc.storage.identity.record import FileRecord
from tests.support.coroutines import finish
from tests.support.identity_stores import make_user, open_sqlite
from tests.support.inline_threads import Inline
from tests.support.reactors import in_reactor


@pytest.fixture
def record(tmp_path: Path) -> FileRecord:
    return FileRecord(file=tmp_path / "accounts.witness", threads=Inline())


def test_what_was_written_is_read(record: FileRecord) -> None:
    assert finish(record.read()) is None
    for number in (1, 2**40):
        restriction = Restriction(revision=Revision(number), mark=make_mark(), refuses_owner=number > 1)
        finish(record.write(restriction))
        assert finish(record.read()) == restriction
    assert record.file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in record.file.parent.iterdir()] == ["accounts.witness"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"revision": "x", "mark": 1}', b"[" * 100_000])
def test_what_is_damaged_is_known_to_no_store(record: FileRecord, content: bytes) -> None:
    record.file.write_bytes(content)
    found = finish(record.read())
    assert found is not None
    assert found.mark == ""


def test_what_cannot_be_read_or_written_is_a_failure(record: FileRecord) -> None:
    record.file.mkdir()
    with pytest.raises(CloudError) as caught:
        finish(record.read())
    assert caught.value.kind is Kind.UNAVAILABLE
    with pytest.raises(CloudError) as caught:
        finish(record.write(Restriction(revision=Revision(1), mark=make_mark())))
    assert caught.value.kind is Kind.UNAVAILABLE


@in_reactor
async def test_an_older_store_is_not_trusted(tmp_path: Path) -> None:
    """Whoever puts a copy of the file back brings nothing back that was withdrawn since."""
    file = tmp_path / "accounts.sqlite3"
    record = FileRecord(file=tmp_path / "accounts.witness", threads=Inline())
    async with open_sqlite(tmp_path) as store:
        user = await store.add_user(make_user())
        user = await store.replace_user(user)
        assert await Witness(store=store, record=record).start()
    copy = file.read_bytes()
    async with open_sqlite(tmp_path) as store:
        witness = Witness(store=store, record=record)
        assert await witness.start()
        await store.replace_user(user)
        await witness.settle()
    file.write_bytes(copy)
    async with open_sqlite(tmp_path) as store:
        witness = Witness(store=store, record=record)
        assert not await witness.start()
        await witness.accept(void=True)
        assert witness.is_trusted
    async with open_sqlite(tmp_path) as store:
        assert await Witness(store=store, record=record).start()
