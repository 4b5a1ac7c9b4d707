"""Processes that make thumbnails: one at a time, for as long as somebody wants it, and never for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import capturedLogs

from cloudsvc.core.errors import CloudError
from cloudsvc.thumbnails import maker as makers
from cloudsvc.thumbnails.maker import ProcessThumbnailMaker
from cloudsvc.thumbnails.places import SharedPlaces
from cloudsvc.thumbnails.versions import find_missing_decoders, identify_decoders
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor
from tests.support.sample_media import decode, draw, encode
from tests.support.thumbnails.fake_decoders import current, mark, until_there


@asynccontextmanager
async def open_maker(program: str | None = None, **options: Any) -> AsyncIterator[ProcessThumbnailMaker]:
    """A maker with the real program, or with another one; no process of it is left at the end."""
    if program is not None:
        options["command"] = (sys.executable, "-I", "-c", program)
    maker = ProcessThumbnailMaker(processes=current(), clock=current(), **options)
    try:
        yield maker
    finally:
        await maker.stop()


@frozen
class FileSource:
    """A file of which a thumbnail is to be made."""

    _number: int

    async def descriptor(self) -> int:
        """As :meth:`cloudsvc.drive.thumbnails.ThumbnailSource.descriptor`."""
        os.lseek(self._number, 0, os.SEEK_SET)
        return self._number


@asynccontextmanager
async def open_source(directory: Path, content: bytes = b"content") -> AsyncIterator[FileSource]:
    """A file with ``content``, open meanwhile."""
    number = os.open(directory, os.O_TMPFILE | os.O_RDWR)
    try:
        os.write(number, content)
        yield FileSource(number)
    finally:
        os.close(number)


@in_reactor
async def test_without_decoders_each_is_refused_and_the_log_says_once_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(makers, "find_missing_decoders", lambda: ("pillow", "av"))
    with capturedLogs() as events:
        maker = makers.open_maker(current(), current(), tmp_path / "places")
    assert [event["missing"] for event in events] == ["pillow, av"]
    async with open_source(tmp_path, encode(draw(64, 64), "PNG")) as source:
        assert await refusal(maker.make(source, 64)) == "thumbnails_not_installed"
    await maker.stop()


def test_all_decoders_are_installed_with_the_extra() -> None:
    assert find_missing_decoders() == ()


@in_reactor
async def test_a_thumbnail(tmp_path: Path) -> None:
    async with open_source(tmp_path, encode(draw(640, 480), "PNG")) as source, open_maker() as maker:
        for _ in range(2):
            assert decode(await maker.make(source, 64)).size == (64, 48)


@in_reactor
async def test_refusals_by_the_real_program(tmp_path: Path) -> None:
    async with open_source(tmp_path, b"a text") as source, open_maker() as maker:
        assert await refusal(maker.make(source, 64)) == "unsupported_media"


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import sys; sys.exit(64)", "unsupported_media"),
        ("import sys; sys.exit(65)", "image_too_large"),
        ("import sys; sys.exit(66)", "image_damaged"),
        ("import sys; print('half a picture', flush=True); sys.exit(66)", "image_damaged"),
    ],
)
@in_reactor
async def test_what_the_program_finds(tmp_path: Path, program: str, code: str) -> None:
    async with open_source(tmp_path) as source, open_maker(program) as maker:
        assert await refusal(maker.make(source, 64)) == code


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import os; os.kill(os.getpid(), 11)", id="crash"),
        pytest.param("import os; print('half', flush=True); os.kill(os.getpid(), 9)", id="killed"),
        pytest.param("import sys; sys.exit('a reason')", id="another status"),
        pytest.param("", id="no answer"),
        pytest.param("import sys; sys.stdout.write('x' * 2**23)", id="a long answer"),
        pytest.param("import sys; sys.stderr.write('x' * 2**20); sys.exit(1)", id="long complaints"),
    ],
)
@in_reactor
async def test_a_decoder_that_breaks(tmp_path: Path, program: str) -> None:
    async with open_source(tmp_path) as source, open_maker(program) as maker:
        with capturedLogs() as events:
            assert await refusal(maker.make(source, 64)) == "image_too_large"
        [told] = [event for event in events if event["log_namespace"] == "cloudsvc.thumbnails"]
        assert len(told["complaint"]) <= 1000


@in_reactor
async def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    """Nothing is said of the picture: it may be that the machine has too much to do."""
    async with open_source(tmp_path) as source, open_maker("import time; time.sleep(600)", seconds=0.3) as maker:
        assert await refusal(maker.make(source, 64)) == "too_many_thumbnails"


@in_reactor
async def test_one_that_has_calculated_for_long_is_not_tried_again(tmp_path: Path) -> None:
    """It would hold the only place as long again: of the processor it had enough, whatever the clock says."""
    calculate = "\nwhile time.process_time() < 0.5: pass\n" + mark(tmp_path / "runs")
    clock = Clock()
    async with open_source(tmp_path) as source, open_maker("import time" + calculate) as maker:
        maker._clock = clock
        for allowed, code in ((100.0, "too_many_thumbnails"), (0.5, "image_too_large")):
            maker.processor_seconds = allowed
            (tmp_path / "runs").unlink(missing_ok=True)
            making = Deferred.fromCoroutine(maker.make(source, 64))
            await until_there(tmp_path / "runs")
            clock.pump([maker.seconds] * 3)
            assert await refusal(making) == code


@in_reactor
async def test_where_others_wait_it_is_ended_earlier(tmp_path: Path) -> None:
    clock = Clock()
    async with open_source(tmp_path) as source, open_maker(mark(tmp_path / "runs")) as maker:
        maker._clock = clock
        first = Deferred.fromCoroutine(maker.make(source, 64))
        await until_there(tmp_path / "runs")
        clock.advance(maker.seconds)
        [alone] = maker._running
        assert alone._end is None
        second = Deferred.fromCoroutine(maker.make(source, 64))
        clock.advance(maker.seconds)
        assert await refusal(first) == "too_many_thumbnails"
        await until_there(tmp_path / "runs", 2)
        clock.pump([maker.seconds] * 3)
        assert await refusal(second) == "too_many_thumbnails"


def test_decoders_are_named_without_being_loaded() -> None:
    program = (
        "import sys, cloudsvc.thumbnails.versions as v; print(v.identify_decoders(), {'PIL', 'av'} & {*sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told == f"{identify_decoders()} set()\n"


@in_reactor
async def test_nothing_is_inherited(tmp_path: Path) -> None:
    program = "import os; print(dict(os.environ), sorted(os.listdir('/proc/self/fd')), os.read(0, 99))"
    async with open_source(tmp_path) as source, open_maker(program) as maker:
        told = (await maker.make(source, 64)).decode()
    assert "'0', '1', '2', '3'] b'content'" in told
    assert "API" not in told
    assert "PATH" not in told


@in_reactor
async def test_given_up_it_is_killed_and_the_next_has_its_turn(tmp_path: Path) -> None:
    program = mark(tmp_path / "runs")
    async with open_source(tmp_path) as source, open_maker(program) as maker:
        first = Deferred.fromCoroutine(maker.make(source, 64))
        await until_there(tmp_path / "runs")
        [decoding] = maker._running
        first.cancel()
        await decoding.ended
        with pytest.raises(CancelledError):
            await first
        maker.command = (sys.executable, "-I", "-c", "print('made')")
        assert await maker.make(source, 64) == b"made\n"


@in_reactor
async def test_one_that_waits_for_its_turn_can_be_given_up(tmp_path: Path) -> None:
    async with open_source(tmp_path) as source, open_maker(mark(tmp_path / "runs")) as maker:
        first, second = (Deferred.fromCoroutine(maker.make(source, 64)) for _ in range(2))
        await until_there(tmp_path / "runs")
        assert len(maker._running) == 1
        second.cancel()
        with pytest.raises(CancelledError):
            await second
        first.cancel()
        with pytest.raises(CancelledError):
            await first


@in_reactor
async def test_a_flood_is_refused(tmp_path: Path) -> None:
    async with open_source(tmp_path) as source, open_maker(mark(tmp_path / "runs")) as maker:
        wanted = [Deferred.fromCoroutine(maker.make(source, 64)) for _ in range(201)]
        assert await refusal(maker.make(source, 64)) == "too_many_thumbnails"
        for each in reversed(wanted):
            each.cancel()
            with pytest.raises(CancelledError):
                await each


@in_reactor
async def test_stopping_ends_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    async with open_source(tmp_path) as source, open_maker(mark(tmp_path / "runs")) as maker:
        first, second = (Deferred.fromCoroutine(maker.make(source, 64)) for _ in range(2))
        await until_there(tmp_path / "runs")
        await maker.stop()
        for each in (first, second):
            with pytest.raises(CloudError, match="Too many thumbnails"):
                await each
        assert not maker._running


@in_reactor
async def test_several_makers_of_one_drive_take_turns(tmp_path: Path) -> None:
    places = [SharedPlaces(file=tmp_path / name, clock=current(), most=1) for name in ("one", "other")]
    program = mark(tmp_path / "runs")
    async with (
        open_source(tmp_path) as source,
        open_maker(program, places=places[0]) as first,
        open_maker(program, places=places[0]) as second,
        open_maker(program, places=places[1]) as stranger,
    ):
        wanted = [Deferred.fromCoroutine(maker.make(source, 64)) for maker in (first, second, stranger)]
        await until_there(tmp_path / "runs")
        assert (len(first._running), len(second._running), len(stranger._running)) == (1, 0, 1)
        wanted[0].cancel()
        with pytest.raises(CancelledError):
            await wanted[0]
        while not second._running:
            await deferLater(current(), 0.01)
        for each in wanted[1:]:
            each.cancel()
            with pytest.raises(CancelledError):
                await each
