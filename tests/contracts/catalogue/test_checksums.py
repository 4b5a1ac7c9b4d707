"""Contract of catalogues: blobs whose checksums are not known yet."""

from __future__ import annotations

from msgspec.structs import replace

from cloudsvc.drive.commands import Copy, RestoreVersion
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Blob, BlobId
from tests.support.catalogues import Trial, hide_checksums, make_blob
from tests.support.reactors import in_reactor


async def read_content(trial: Trial, path: str) -> Blob:
    return (await trial.find_file(path)).version.blob


@in_reactor
async def test_checksums_are_told_wherever_a_blob_is(trial: Trial) -> None:
    whole, unknown = make_blob(b"whole"), hide_checksums(make_blob(b"unknown"))
    assert (await trial.store("a", whole)).file.version.blob == whole
    assert (await trial.store("a", unknown)).file.version.blob == unknown
    assert await read_content(trial, "a") == unknown
    second, first = await trial.versions("a")
    assert (first.blob, second.blob) == (whole, unknown)
    assert {*(await trial.catalogue.list_blobs(10)).items} == {whole, unknown}
    await trial.do(Copy(source=parse_path("a"), destination=parse_path("b")))
    assert await read_content(trial, "b") == unknown
    restored = await trial.do(RestoreVersion(path=parse_path("a"), version=first.id, versions_kept=5))
    assert restored.version.blob == whole


@in_reactor
async def test_what_is_not_known_is_equal_to_nothing(trial: Trial) -> None:
    first, second = (hide_checksums(make_blob(b"same")) for _ in range(2))
    for path, blob in (("a", first), ("b", second), ("c", make_blob(b"same"))):
        assert not (await trial.store(path, blob)).deduplicated
    assert await trial.catalogue.stored_bytes() == 12


@in_reactor
async def test_unmeasured_blobs_are_listed_by_id_while_something_refers_to_them(trial: Trial) -> None:
    blobs = [hide_checksums(make_blob(b"1")), replace(make_blob(b"2"), crc32=None), make_blob(b"3")]
    for number, blob in enumerate(blobs):
        await trial.store(str(number), blob)
    await trial.store("gone", hide_checksums(make_blob(b"4")), versions_kept=1)
    await trial.store("gone", b"5", versions_kept=1)
    expected = sorted(blobs[:2], key=lambda blob: blob.id)
    assert await trial.catalogue.list_unmeasured(10) == expected
    assert await trial.catalogue.list_unmeasured(1) == expected[:1]
    assert await trial.catalogue.list_unmeasured(10, after=expected[0].id) == expected[1:]
    assert await trial.catalogue.list_unmeasured(10, after=expected[1].id) == []


@in_reactor
async def test_what_was_measured_is_known_and_deduplicated(trial: Trial) -> None:
    stored, late = make_blob(b"same"), make_blob(b"same")
    await trial.store("a", stored)
    validator = (await trial.store("b", hide_checksums(late))).file.version.validator
    await trial.do(Copy(source=parse_path("b"), destination=parse_path("c")))
    await trial.catalogue.record_checksums(late)
    assert {await read_content(trial, path) for path in "abc"} == {stored}
    assert (await trial.find_file("b")).version.validator == validator
    assert await trial.catalogue.list_unmeasured(10) == []
    assert await trial.collect() == [late.id]
    assert await trial.catalogue.stored_bytes() == 4
    assert len(await trial.catalogue.find_users(stored.id)) == 3


@in_reactor
async def test_what_is_equal_to_nothing_stays_and_is_found_by_what_comes(trial: Trial) -> None:
    blob = make_blob(b"new")
    await trial.store("a", hide_checksums(blob))
    for _ in range(2):
        await trial.catalogue.record_checksums(blob)
    assert await read_content(trial, "a") == blob
    again = await trial.store("b", b"new")
    assert (again.deduplicated, again.file.version.blob) == (True, blob)
    # One that is gone by now.
    await trial.catalogue.record_checksums(replace(blob, id=BlobId("0" * 32)))
    assert (await trial.catalogue.list_blobs(10)).items == [blob]


@in_reactor
async def test_nothing_comes_to_refer_to_a_marked_blob(trial: Trial) -> None:
    await trial.store("a", b"same", versions_kept=1)
    await trial.store("a", b"other", versions_kept=1)
    [marked] = await trial.catalogue.mark_for_deletion(10)
    late = make_blob(b"same")
    await trial.store("b", hide_checksums(late))
    await trial.catalogue.record_checksums(late)
    assert (await read_content(trial, "b")).id == late.id != marked
