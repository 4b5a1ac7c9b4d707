"""Contract of catalogues: earlier contents."""

from __future__ import annotations

import pytest
from attrs import evolve

from cloudsvc.drive.blobs import BlobMissing
from cloudsvc.drive.commands import Copy, Move, RestoreVersion
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import ROOT_ID, Blob, VersionId
from tests.support.catalogues import TESTER, Trial, store
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor

A = parse_path("a")


@in_reactor
async def test_earlier_versions_are_kept(trial: Trial) -> None:
    versions = []
    for number in range(4):
        trial.watch.pass_seconds(1)
        versions.append((await trial.store("a", bytes([number]), media_type=f"x/{number}")).file.version)
    assert await trial.versions("a") == versions[::-1]
    for version in versions:
        found = await trial.catalogue.find_version(TESTER, A, version.id)
        assert found == (await trial.find_file("a"), version)
        opened = await trial.catalogue.open_version(TESTER, A, version.id, lambda blob: blob.id)
        assert opened == (*found, version.blob.id)
    assert await trial.catalogue.find_version(TESTER, A, None) == (await trial.find_file("a"), versions[-1])
    await trial.do(Move(path=A, destination=parse_path("b")))
    assert await trial.versions("b") == versions[::-1]
    thrown = await trial.discard("b")
    assert await refusal(trial.versions("b")) == "file_not_found"
    assert thrown.node.path == parse_path("b")


@in_reactor
async def test_what_is_no_version_of_this_file(trial: Trial) -> None:
    version = (await trial.store("a")).file.version
    other = (await trial.store("b", b"other")).file.version
    await trial.make_folder("folder")
    for path, number in [("a", other.id), ("a", VersionId(999)), ("c", version.id), ("folder", version.id)]:
        assert await trial.catalogue.find_version(TESTER, parse_path(path), number) is None
        assert await trial.catalogue.open_version(TESTER, parse_path(path), number, str) is None
    assert await trial.catalogue.find_version(TESTER, parse_path("folder"), None) is None
    assert await refusal(trial.versions("folder")) == "file_not_found"
    for path, number, code in [("a", other.id, "version_not_found"), ("c", version.id, "file_not_found")]:
        command = RestoreVersion(path=parse_path(path), version=number, versions_kept=5)
        assert await refusal(trial.do(command)) == code


@in_reactor
async def test_only_so_many_are_kept(trial: Trial) -> None:
    versions = [(await trial.store("a", bytes([number]), versions_kept=3)).file.version for number in range(5)]
    assert await trial.versions("a") == versions[:1:-1]
    assert {*await trial.collect()} == {version.blob.id for version in versions[:2]}
    last = (await trial.store("a", b"last", versions_kept=1)).file.version
    assert await trial.versions("a") == [last]


@in_reactor
async def test_an_earlier_content_becomes_current_again(trial: Trial) -> None:
    first = (await trial.store("a", b"1", media_type="x/1")).file.version
    second = (await trial.store("a", b"2")).file.version
    trial.watch.pass_seconds(1)
    command = RestoreVersion(path=A, version=first.id, versions_kept=2)
    file = await trial.do(command)
    assert (file.version.blob, file.version.media_type) == (first.blob, "x/1")
    assert file.version.validator not in {first.validator, second.validator}
    assert file.updated_at == file.version.created_at == trial.watch.now
    # The one that was restored is the oldest, and is given up; its bytes are not.
    assert await trial.versions("a") == [file.version, second]
    assert await trial.collect() == []
    # The current one is current already.
    [*_, last] = await trial.changes()
    assert await trial.do(evolve(command, version=file.version.id)) == file
    assert await trial.changes(last.number) == []


@in_reactor
async def test_versions_expire_current_ones_never(trial: Trial) -> None:
    versions = []
    for number in range(4):
        versions.append((await trial.store("a", bytes([number]))).file.version)
        trial.watch.pass_seconds(10)
    await trial.do(Copy(source=A, destination=parse_path("b")))
    # A version was superseded when the next one was made.
    await trial.expire(versions_before=versions[2].created_at)
    assert await trial.versions("a") == versions[:0:-1]
    await trial.expire(versions_before=versions[2].created_at + 1)
    assert await trial.versions("a") == versions[:1:-1]
    await trial.expire(versions_before=trial.watch.pass_seconds(1000))
    assert await trial.versions("a") == versions[3:]
    assert {*await trial.collect()} == {version.blob.id for version in versions[:3]}
    assert await trial.find("b")


@in_reactor
async def test_more_than_is_given_up_in_one_go_expires(trial: Trial) -> None:
    await trial.do(*(store("a", number.to_bytes(2), versions_kept=1000) for number in range(600)))
    await trial.expire(versions_before=trial.watch.pass_seconds(1))
    assert len(await trial.versions("a")) == 1


@in_reactor
async def test_room_is_made_from_the_oldest_trash_then_from_the_oldest_versions(trial: Trial) -> None:
    await trial.store("a", b"1")
    trial.watch.pass_seconds(1)
    await trial.store("b", b"22")
    await trial.store("b", b"333")
    trial.watch.pass_seconds(1)
    await trial.store("a", b"4444")
    for name in ("x", "y"):
        await trial.store(name, name.encode() * 10)
        await trial.discard(name)
    assert await trial.catalogue.reclaimable_bytes() == 1 + 2 + 20
    assert await trial.catalogue.stored_bytes() == 1 + 2 + 3 + 4 + 20
    left = []
    while await trial.catalogue.evict(ROOT_ID):
        await trial.collect()
        left.append(await trial.catalogue.stored_bytes())
    assert left == [20, 10, 8, 7]
    assert await trial.catalogue.reclaimable_bytes() == 0
    assert [len(await trial.versions(name)) for name in "ab"] == [1, 1]


@in_reactor
async def test_what_fails_while_a_version_is_opened_reaches_whoever_asked(trial: Trial) -> None:
    await trial.store("a")

    def fail(_: Blob) -> None:
        raise BlobMissing

    with pytest.raises(BlobMissing):
        await trial.catalogue.open_version(TESTER, A, None, fail)
    assert await trial.catalogue.open_version(TESTER, A, None, lambda blob: blob.size) is not None
