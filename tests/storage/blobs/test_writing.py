"""Blobs on their way to the disk: in which order, in how many trips, and what is left when something fails."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.nodes import Blob
from cloudsvc.storage.blobs import LocalBlobs, open_blobs
from cloudsvc.storage.blobs.drafts import PIECE
from cloudsvc.storage.blobs.layout import Layout
from tests.support.blobs import (
    SteppingThreads,
    TrialDisk,
    find_files,
    list_blobs,
    load_blob,
    split,
    store_blob,
    take_result,
)

LARGE = hashlib.shake_128(b"a large blob").digest(2 * PIECE + 1000)
PUT_INTO_PLACE = ["sync", "make_folder", "sync_folder", "rename", "sync_folder"]


@define
class Trial:
    """A store whose threads go step by step, on a disk that does as it is told."""

    directory: Path
    threads: SteppingThreads
    disk: TrialDisk
    store: LocalBlobs

    def store_blob(self, *pieces: bytes) -> Blob:
        """Store it, with all the steps it takes."""
        return self.threads.do(store_blob(self.store, *pieces))

    def assert_nothing_left(self) -> None:
        """Neither a file, nor a blob in flight, nor a descriptor (after each test that is seen to)."""
        assert find_files(self.directory) == set()
        assert self.store._in_flight == set()


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    threads, disk = SteppingThreads(), TrialDisk()
    store = threads.do(open_blobs(tmp_path, threads, disk=disk))
    yield Trial(tmp_path, threads, disk, store)
    threads.do(store.close())


def failure(code: int) -> OSError:
    return OSError(code, "as the test wants it")


def test_a_small_blob_is_one_trip_and_nothing_before(trial: Trial) -> None:
    writer = trial.threads.do(trial.store.create())
    before = trial.threads.steps
    for _ in range(10):
        trial.threads.do(writer.write(b"small"))
    assert trial.disk.calls == []
    trial.threads.do(writer.seal())
    assert trial.threads.steps == before + 1
    writer.close()


def test_every_step_is_durable_before_the_next(trial: Trial) -> None:
    blob = trial.store_blob(b"small")
    assert trial.disk.calls == ["create", "write", *PUT_INTO_PLACE]
    folder = trial.directory / "blobs" / blob.id[:2]
    assert trial.disk.arguments[3:] == [folder, folder.parent, folder / blob.id, folder]


@pytest.mark.parametrize("known", [False, True])
def test_a_blob_that_takes_the_place_of_another_is_durable_there(trial: Trial, *, known: bool) -> None:
    old = trial.store_blob(b"the same")
    if not known:
        # Another process has stored it, or this one before it was started again.
        trial.store._layout._durable.clear()
    writer = trial.threads.do(trial.store.create())
    trial.threads.do(writer.write(b"the same"))
    new = trial.threads.do(writer.seal())
    if not known:
        trial.store._layout._durable.clear()
    del trial.disk.calls[:], trial.disk.arguments[:]
    trial.threads.do(writer.replace(old.id))
    assert trial.disk.calls == [*([] if known else ["make_folder", "sync_folder"]), "rename", "sync_folder"]
    folder = trial.directory / "blobs" / old.id[:2]
    assert trial.disk.arguments[-2:] == [folder / old.id, folder]
    assert trial.threads.do(load_blob(trial.store, old)) == b"the same"
    assert trial.threads.do(list_blobs(trial.store)) == {old.id}
    assert new.id not in trial.store._in_flight


def test_a_large_blob_is_written_on_the_way(trial: Trial) -> None:
    trial.store_blob(*split(LARGE, list(range(0, len(LARGE), 65_536))))
    assert trial.disk.calls == ["create", "write", "write", "write", *PUT_INTO_PLACE]


def test_a_folder_is_made_durable_once(trial: Trial) -> None:
    places = trial.store._layout
    folder = places.blobs / "ab"
    trial.disk.trouble["sync_folder", 0] = failure(errno.EIO)
    with pytest.raises(OSError, match="as the test wants it"):
        places.make_durable(folder, trial.disk)
    for _ in range(2):
        places.make_durable(folder, trial.disk)
    assert trial.disk.calls == ["make_folder", "sync_folder"] * 2


def test_a_folder_that_another_process_made_is_not_taken_for_durable(tmp_path: Path) -> None:
    disk = TrialDisk()
    places = Layout.open(tmp_path)
    (places.blobs / "ab").mkdir()
    places.make_durable(places.blobs / "ab", disk)
    assert disk.calls == ["make_folder", "sync_folder"]
    places.close()


def test_files_and_folders_belong_to_their_owner_alone(trial: Trial) -> None:
    trial.store_blob(b"small")
    paths = [path for path in trial.directory.rglob("*") if path != trial.directory]
    assert {(path.is_dir(), path.stat().st_mode & 0o777) for path in paths} == {(True, 0o700), (False, 0o600)}


def test_one_piece_is_gathered_while_one_is_written_and_then_the_caller_waits(trial: Trial) -> None:
    writer = trial.threads.do(trial.store.create())
    take_result(Deferred.fromCoroutine(writer.write(b"a" * PIECE)))
    take_result(Deferred.fromCoroutine(writer.write(b"b" * (PIECE - 1))))
    waiting = Deferred.fromCoroutine(writer.write(b"b"))
    assert not waiting.called
    trial.threads.step()
    take_result(waiting)
    assert trial.disk.calls == ["create", "write"]
    blob = trial.threads.do(writer.seal())
    assert blob.digest == hashlib.sha256(b"a" * PIECE + b"b" * PIECE).digest()
    writer.close()


@pytest.mark.parametrize("steps", range(6))
def test_a_caller_that_leaves_and_discards_leaves_nothing(trial: Trial, steps: int) -> None:
    writer = trial.threads.do(trial.store.create())

    async def upload() -> None:
        for start in range(0, len(LARGE), 65_536):
            await writer.write(LARGE[start : start + 65_536])
        await writer.seal()

    uploading = Deferred.fromCoroutine(upload())
    done = [trial.threads.step() for _ in range(steps)]
    if not uploading.called:
        uploading.cancel()
        with pytest.raises(CancelledError):
            take_result(uploading)
    discarding = Deferred.fromCoroutine(writer.discard())
    assert all(done[:3]), "each of the three pieces is a step"
    trial.threads.finish(discarding)
    trial.assert_nothing_left()


def test_sealing_goes_on_when_its_caller_leaves(trial: Trial) -> None:
    writer = trial.threads.do(trial.store.create())
    trial.threads.do(writer.write(LARGE))
    sealing = Deferred.fromCoroutine(writer.seal())
    sealing.cancel()
    with pytest.raises(CancelledError):
        take_result(sealing)
    while trial.threads.step():
        pass
    assert trial.threads.do(load_blob(trial.store, Blob(id=writer.id, size=len(LARGE), digest=None))) == LARGE
    writer.close()
    assert trial.threads.do(list_blobs(trial.store)) == {writer.id}


def test_discarding_waits_for_sealing(trial: Trial) -> None:
    writer = trial.threads.do(trial.store.create())
    trial.threads.do(writer.write(b"small"))
    sealing = Deferred.fromCoroutine(writer.seal())
    discarding = Deferred.fromCoroutine(writer.discard())
    trial.threads.step()
    assert take_result(sealing).size == 5
    assert not discarding.called
    trial.threads.finish(discarding)
    trial.assert_nothing_left()


@pytest.mark.parametrize("end", ["seal", "discard"])
def test_what_has_ended_takes_nothing_more(trial: Trial, end: str) -> None:
    writer = trial.threads.do(trial.store.create())
    trial.threads.do(writer.write(b"small"))
    trial.threads.do(getattr(writer, end)())
    files = find_files(trial.directory)
    for late in (writer.write(b"late"), writer.seal()):
        with pytest.raises(ValueError, match=f"the blob is {end}"):
            trial.threads.do(late)
    assert find_files(trial.directory) == files
    writer.close()


POINTS = [
    ("create", 0),
    ("write", 0),
    ("write", 1),
    ("write", 2),
    ("sync", 0),
    ("make_folder", 0),
    ("sync_folder", 0),
    ("rename", 0),
    ("sync_folder", 1),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point[0]}-{point[1]}")
@pytest.mark.parametrize(
    ("code", "kind", "logged"),
    [
        (errno.EIO, Kind.UNAVAILABLE, "[Errno 5]"),
        (errno.ENOSPC, Kind.NO_SPACE, None),
        (errno.EDQUOT, Kind.NO_SPACE, None),
    ],
)
def test_whatever_fails_leaves_nothing_and_is_not_tried_again(
    trial: Trial, point: tuple[str, int], code: int, kind: Kind, logged: str | None
) -> None:
    trial.disk.trouble[point] = failure(code)
    with capturedLogs() as events, pytest.raises(CloudError) as caught:
        trial.store_blob(*split(LARGE, [PIECE, 2 * PIECE]))
    assert caught.value.kind is kind
    assert [formatEvent(event) for event in events] == (
        [f"the disk fails: {logged} as the test wants it"] if logged else []
    )
    assert trial.disk.calls.count(point[0]) == point[1] + 1
    assert find_files(trial.directory) == set()


def test_a_sync_says_in_the_files_name_what_is_durable(trial: Trial) -> None:
    writer = trial.threads.do(trial.store.create())
    trial.threads.do(writer.write(b"first"))
    assert trial.threads.do(writer.sync()) == 5
    assert trial.disk.calls == ["create", "write", "sync", "rename", "sync_folder"]
    suspended = trial.directory / "suspended"
    assert trial.disk.arguments[3:] == [suspended / f"{writer.id}.5", suspended]
    trial.threads.do(writer.write(b"second"))
    assert trial.threads.do(writer.sync()) == 11
    assert find_files(trial.directory) == {f"suspended/{writer.id}.11"}
    trial.threads.do(writer.discard())
    trial.assert_nothing_left()


def test_what_lies_behind_the_last_sync_is_cut_off(trial: Trial) -> None:
    """After a power failure it may be anything."""
    writer = trial.threads.do(trial.store.create())
    trial.threads.do(writer.write(b"durable"))
    trial.threads.do(writer.suspend())
    [file] = (trial.directory / "suspended").iterdir()
    file.write_bytes(b"durable and then nonsense")
    resumed = trial.threads.do(trial.store.resume(writer.id))
    assert resumed.size == 7
    trial.threads.do(resumed.write(b", whole"))
    blob = trial.threads.do(resumed.seal())
    resumed.close()
    assert trial.threads.do(load_blob(trial.store, blob)) == b"durable, whole"
    assert blob.digest == hashlib.sha256(b"durable, whole").digest()


def test_what_was_there_is_hashed_while_the_rest_arrives(trial: Trial) -> None:
    writer = trial.threads.do(trial.store.create())
    trial.threads.do(writer.write(LARGE))
    trial.threads.do(writer.suspend())
    resumed = trial.threads.do(trial.store.resume(writer.id))
    del trial.disk.calls[:]
    trial.threads.do(resumed.write(LARGE[:PIECE]))
    assert trial.disk.calls == ["write", "read", "read", "read", "read"]
    blob = trial.threads.do(resumed.seal())
    resumed.close()
    assert blob.digest == hashlib.sha256(LARGE + LARGE[:PIECE]).digest()


@pytest.mark.parametrize(
    ("then", "step"),
    [
        *(("sync", step) for step in ("write", "sync", "rename", "sync_folder")),
        *(("seal", step) for step in ("write", "sync", "make_folder", "sync_folder", "rename")),
    ],
)
def test_a_failure_leaves_what_was_durable(trial: Trial, then: str, step: str) -> None:
    """A full disk must not cost what took an hour to arrive."""
    writer = trial.threads.do(trial.store.create())
    trial.threads.do(writer.write(b"durable"))
    trial.threads.do(writer.suspend())
    resumed = trial.threads.do(trial.store.resume(writer.id))
    trial.threads.do(resumed.write(b"more"))
    trial.disk.trouble[step, trial.disk.calls.count(step)] = failure(errno.ENOSPC)
    with pytest.raises(CloudError):
        trial.threads.do(getattr(resumed, then)())
    resumed.close()
    again = trial.threads.do(trial.store.resume(writer.id))
    assert again.size in {len(b"durable"), len(b"durablemore")}
    trial.threads.do(again.discard())
    trial.assert_nothing_left()


def test_whoever_closes_while_a_thread_writes_takes_no_file_from_it(trial: Trial) -> None:
    writer = trial.threads.do(trial.store.create())
    take_result(Deferred.fromCoroutine(writer.write(LARGE)))
    writer.close()
    assert trial.store._in_flight == {writer.id}
    while trial.threads.step():
        pass
    assert trial.store._in_flight == set()
    assert trial.disk.calls == ["create", "write"]
