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
from cloudsvc.storage.blobs.places import Places
from cloudsvc.storage.blobs.writing import PIECE
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
    writer.release()


def test_every_step_is_durable_before_the_next(trial: Trial) -> None:
    blob = trial.store_blob(b"small")
    assert trial.disk.calls == ["create", "write", *PUT_INTO_PLACE]
    folder = trial.directory / "blobs" / blob.id[:2]
    assert trial.disk.arguments[3:] == [folder, folder.parent, folder / blob.id, folder]


def test_a_large_blob_is_written_on_the_way(trial: Trial) -> None:
    trial.store_blob(*split(LARGE, list(range(0, len(LARGE), 65_536))))
    assert trial.disk.calls == ["create", "write", "write", "write", *PUT_INTO_PLACE]


def test_a_folder_is_made_durable_once(trial: Trial) -> None:
    places = trial.store._places
    folder = places.blobs / "ab"
    trial.disk.trouble["sync_folder", 0] = failure(errno.EIO)
    with pytest.raises(OSError, match="as the test wants it"):
        places.make_durable(folder, trial.disk)
    for _ in range(2):
        places.make_durable(folder, trial.disk)
    assert trial.disk.calls == ["make_folder", "sync_folder"] * 2


def test_a_folder_that_another_process_made_is_not_taken_for_durable(tmp_path: Path) -> None:
    disk = TrialDisk()
    places = Places.open(tmp_path)
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
    writer.release()


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
    assert trial.threads.do(load_blob(trial.store, writer.id)) == LARGE
    writer.release()
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
    writer.release()


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
