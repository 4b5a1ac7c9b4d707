"""Processes that make thumbnails: one at a time, for as long as somebody wants it, and never for ever."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.blobs import BlobReader
from cloudsvc.drive.names import parse_path
from cloudsvc.thumbnails.maker import ProcessThumbnailMaker
from tests.support.drives import open_drive, refusal
from tests.support.pictures import decode, draw, encode
from tests.support.reactors import in_reactor
from tests.thumbnails.programs import current, mark, until_there


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


@asynccontextmanager
async def open_reader(directory: Path, content: bytes = b"content") -> AsyncIterator[BlobReader]:
    """The reader of a stored file."""
    async with open_drive(directory) as opened:
        await opened.store("file", content)
        file = await opened.drive.open_file(opened.actor, parse_path("file"))
        try:
            yield file.reader
        finally:
            await file.reader.close()


@in_reactor
async def test_a_thumbnail(tmp_path: Path) -> None:
    async with open_reader(tmp_path, encode(draw(640, 480), "PNG")) as reader, open_maker() as maker:
        for _ in range(2):
            assert decode(await maker.make(reader, 64)).size == (64, 48)


@in_reactor
async def test_refusals_by_the_real_program(tmp_path: Path) -> None:
    async with open_reader(tmp_path, b"a text") as reader, open_maker() as maker:
        assert await refusal(maker.make(reader, 64)) == "not_picturable"


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import sys; sys.exit(64)", "not_picturable"),
        ("import sys; sys.exit(65)", "picture_too_large"),
        ("import sys; sys.exit(66)", "picture_damaged"),
        ("import sys; print('half a picture', flush=True); sys.exit(66)", "picture_damaged"),
    ],
)
@in_reactor
async def test_what_the_program_finds(tmp_path: Path, program: str, code: str) -> None:
    async with open_reader(tmp_path) as reader, open_maker(program) as maker:
        assert await refusal(maker.make(reader, 64)) == code


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
    async with open_reader(tmp_path) as reader, open_maker(program) as maker:
        with capturedLogs() as events:
            assert await refusal(maker.make(reader, 64)) == "picture_too_large"
        [told] = [event for event in events if event["log_namespace"] == "cloudsvc.thumbnails"]
        assert len(told["complaint"]) <= 1000


@in_reactor
async def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    """Nothing is said of the picture: it may be that the machine has too much to do."""
    async with open_reader(tmp_path) as reader, open_maker("import time; time.sleep(600)", seconds=0.3) as maker:
        assert await refusal(maker.make(reader, 64)) == "too_many_thumbnails"


@in_reactor
async def test_nothing_is_inherited(tmp_path: Path) -> None:
    program = "import os; print(dict(os.environ), sorted(os.listdir('/proc/self/fd')), os.read(0, 99))"
    async with open_reader(tmp_path) as reader, open_maker(program) as maker:
        told = (await maker.make(reader, 64)).decode()
    assert "'0', '1', '2', '3'] b'content'" in told
    assert "API" not in told
    assert "PATH" not in told


@in_reactor
async def test_given_up_it_is_killed_and_the_next_has_its_turn(tmp_path: Path) -> None:
    program = mark(tmp_path / "runs")
    async with open_reader(tmp_path / "drive") as reader, open_maker(program) as maker:
        first = Deferred.fromCoroutine(maker.make(reader, 64))
        await until_there(tmp_path / "runs")
        [decoding] = maker._running
        first.cancel()
        await decoding.ended
        with pytest.raises(CancelledError):
            await first
        maker.command = (sys.executable, "-I", "-c", "print('made')")
        assert await maker.make(reader, 64) == b"made\n"


@in_reactor
async def test_one_that_waits_for_its_turn_can_be_given_up(tmp_path: Path) -> None:
    async with open_reader(tmp_path / "drive") as reader, open_maker(mark(tmp_path / "runs")) as maker:
        first, second = (Deferred.fromCoroutine(maker.make(reader, 64)) for _ in range(2))
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
    async with open_reader(tmp_path / "drive") as reader, open_maker(mark(tmp_path / "runs")) as maker:
        wanted = [Deferred.fromCoroutine(maker.make(reader, 64)) for _ in range(201)]
        assert await refusal(maker.make(reader, 64)) == "too_many_thumbnails"
        for each in reversed(wanted):
            each.cancel()
            with pytest.raises(CancelledError):
                await each


@in_reactor
async def test_stopping_ends_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    async with open_reader(tmp_path / "drive") as reader, open_maker(mark(tmp_path / "runs")) as maker:
        first, second = (Deferred.fromCoroutine(maker.make(reader, 64)) for _ in range(2))
        await until_there(tmp_path / "runs")
        await maker.stop()
        for each in (first, second):
            with pytest.raises(CloudError, match="Too many thumbnails"):
                await each
        assert not maker._running
