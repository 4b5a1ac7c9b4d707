"""What every catalogue knows about uploads in pieces, and the copy that it makes of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.catalogue import Upload
from cloudsvc.drive.names import parse_path
from tests.support.catalogues import SECOND, Trial, make_blob
from tests.support.drives import refusal
from tests.support.reactors import in_reactor


def make_upload(name: str, seconds: int = 0) -> Upload:
    return Upload(
        id=name,
        blob=make_blob(b"").id,
        owner="tester",
        path=parse_path("a/b"),
        offset=0,
        length=100,
        expires_at=2000 * SECOND + seconds * SECOND,
    )


@in_reactor
async def test_an_upload_is_remembered_until_it_ends(trial: Trial) -> None:
    first, second = make_upload("1"), evolve(make_upload("2"), length=None)
    for upload in (first, second):
        await trial.catalogue.begin_upload(upload)
        assert await trial.catalogue.find_upload(upload.id) == upload
    assert await trial.catalogue.find_unknown([first.blob, "0" * 32]) == ["0" * 32]  # type: ignore[list-item]  # a word
    await trial.catalogue.advance_upload("1", 50, 7)
    assert await trial.catalogue.find_upload("1") == evolve(first, offset=50, expires_at=7)
    assert await trial.catalogue.find_upload("2") == second
    await trial.catalogue.end_upload("1")
    await trial.catalogue.end_upload("1")
    assert await trial.catalogue.find_upload("1") is None
    assert await refusal(trial.catalogue.advance_upload("1", 60, 7)) == "upload_not_found"
    assert await trial.catalogue.find_unknown([first.blob]) == [first.blob]


@in_reactor
async def test_uploads_expire_the_oldest_first(trial: Trial) -> None:
    uploads = [make_upload(str(number), seconds) for number, seconds in enumerate([3, 1, 2, 9])]
    for upload in uploads:
        await trial.catalogue.begin_upload(upload)
    expected = [uploads[1], uploads[2], uploads[0]]
    before = uploads[0].expires_at + 1
    assert await trial.catalogue.list_expired_uploads(before, 10) == expected
    assert await trial.catalogue.list_expired_uploads(before, 2) == expected[:2]
    assert await trial.catalogue.list_expired_uploads(before - 1, 10) == expected[:2]


@in_reactor
async def test_an_upload_that_is_there_already_harms_nobody_else(trial: Trial) -> None:
    upload = make_upload("1")
    await trial.catalogue.begin_upload(upload)
    first, second = Deferred.fromCoroutine(trial.store("a")), trial.catalogue.begin_upload(evolve(upload, owner="x"))
    third = Deferred.fromCoroutine(trial.store("b"))
    assert await refusal(second) == "storage_failed"
    await first
    await third
    assert await trial.catalogue.find_upload("1") == upload
    assert [*await trial.tree()] == ["a", "b"]


@in_reactor
async def test_a_snapshot_is_the_whole_of_one_moment(trial: Trial, tmp_path: Path) -> None:
    await trial.store("a")
    places = [tmp_path / str(number) for number in range(3)]
    stores = [Deferred.fromCoroutine(trial.store(f"b/{number}")) for number in range(100)]
    await gatherResults([Deferred.fromCoroutine(trial.catalogue.snapshot(str(place))) for place in places])
    await gatherResults(stores)
    assert all(place.stat().st_size for place in places)
    for destination in (places[0], tmp_path / "missing" / "x"):
        content = destination.read_bytes() if destination.exists() else None
        with pytest.raises(CloudError) as caught:
            await trial.catalogue.snapshot(str(destination))
        assert caught.value.kind is Kind.UNAVAILABLE
        assert (destination.read_bytes() if destination.exists() else None) == content
