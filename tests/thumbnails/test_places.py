"""Places for decoders: so many for all processes, and given back by whoever dies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from cloudsvc.thumbnails.places import SharedPlaces
from tests.support.coroutines import finish

OTHER = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.lockf(file, fcntl.LOCK_EX, 1, int(sys.argv[2]))
print("has it", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_elsewhere(file: Path, place: int) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has a place."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(file), str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == b"has it\n"
            yield other
        finally:
            other.kill()


def test_a_place_is_had_by_one_at_a_time(tmp_path: Path) -> None:
    clock = Clock()
    places = SharedPlaces(file=tmp_path / "places", clock=clock, most=2)
    assert {finish(places.take()), finish(places.take())} == {0, 1}
    third = Deferred.fromCoroutine(places.take())
    clock.advance(1)
    assert not third.called
    places.give_back(0)
    clock.advance(1)
    assert third.result == 0
    places.close()
    assert (tmp_path / "places").stat().st_mode & 0o777 == 0o600


def test_another_process_has_it_until_it_dies(tmp_path: Path) -> None:
    clock = Clock()
    places = SharedPlaces(file=tmp_path / "places", clock=clock, most=1)
    with held_elsewhere(tmp_path / "places", 0) as other:
        waiting = Deferred.fromCoroutine(places.take())
        clock.advance(1)
        assert not waiting.called
        other.kill()
        other.wait()
        clock.advance(1)
        assert waiting.result == 0
    places.close()


def test_whoever_waits_may_leave(tmp_path: Path) -> None:
    clock = Clock()
    places = SharedPlaces(file=tmp_path / "places", clock=clock, most=1)
    finish(places.take())
    waiting = Deferred.fromCoroutine(places.take())
    waiting.cancel()
    failure = waiting.result
    waiting.addErrback(lambda _: None)
    assert getattr(failure, "type", None) is CancelledError
    assert not clock.getDelayedCalls()
    places.close()


def test_a_file_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    (tmp_path / "places").symlink_to(tmp_path / "elsewhere")
    places = SharedPlaces(file=tmp_path / "places", clock=Clock(), most=1)
    with pytest.raises(OSError, match="symbolic"):
        finish(places.take())
    assert not (tmp_path / "elsewhere").exists()
