"""Thumbnails of files: made once for each content, and for nobody who has left."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.spooling import Spooler
from cloudsvc.drive.thumbnails import Thumbnail, Thumbnails
from cloudsvc.thumbnails.cache import open_cache
from cloudsvc.thumbnails.maker import ProcessThumbnailMaker
from tests.support.opened_drives import OpenDrive, open_drive, refusal
from tests.support.reactors import in_reactor, run_threads
from tests.support.sample_media import decode, draw, encode
from tests.support.thumbnails.fake_decoders import count_starts, current, mark, until_there

_MAKE = "import sys; sys.stdout.buffer.write(bytes.fromhex('ffd8ffaaffd9'))"
MADE = bytes.fromhex("ffd8ffaaffd9")


@frozen(kw_only=True)
class Studio:
    """A drive with thumbnails; ``starts`` is where a program notes that it was started."""

    opened: OpenDrive
    maker: ProcessThumbnailMaker
    thumbnails: Thumbnails
    starts: Path

    def get(self, path: str = "picture.png") -> Deferred[Thumbnail]:
        return Deferred.fromCoroutine(self.thumbnails.get(self.opened.actor, parse_path(path)))

    def play(self, then: str) -> None:
        """Let another program do the work."""
        self.maker.command = (sys.executable, "-I", "-c", mark(self.starts, then))


@asynccontextmanager
async def open_studio(directory: Path, then: str | None = None, size: int = 64) -> AsyncIterator[Studio]:
    with run_threads(1) as threads:
        maker = ProcessThumbnailMaker(processes=current(), clock=current())
        cache = await open_cache(directory / "thumbnails", threads, most_bytes=2**20)
        async with open_drive(directory / "drive") as opened:
            spooler = Spooler(directory=directory, threads=threads, most_bytes=2**20)
            thumbnails = Thumbnails(drive=opened.drive, maker=maker, cache=cache, spooler=spooler, size=size)
            studio = Studio(opened=opened, maker=maker, thumbnails=thumbnails, starts=directory / "starts")
            if then is not None:
                studio.play(then)
            try:
                yield studio
            finally:
                await maker.stop()


async def until_waiting(studio: Studio, callers: int) -> None:
    """Return when so many wait for thumbnails."""
    while sum(len(making.waiting) for making in studio.thumbnails._makings.values()) < callers:
        await deferLater(current(), 0.01)


async def fail(work: Deferred[Any]) -> None:
    """Give it up."""
    work.cancel()
    with pytest.raises(CancelledError):
        await work


@in_reactor
async def test_of_a_picture(tmp_path: Path) -> None:
    async with open_studio(tmp_path, size=100) as studio:
        stored = await studio.opened.store("picture.png", encode(draw(640, 480), "PNG"))
        thumbnail = await studio.get()
        assert decode(thumbnail.content).size == (100, 75)
        digest = stored.file.version.blob.digest
        assert digest is not None
        assert thumbnail.validator == f"{digest.hex()}-100-{studio.maker.version}"


@pytest.mark.parametrize("name", ["picture.png", "film.mp4", "without a type"])
@in_reactor
async def test_the_bytes_decide(tmp_path: Path, name: str) -> None:
    async with open_studio(tmp_path) as studio:
        await studio.opened.store(name, encode(draw(), "JPEG"))
        assert decode((await studio.get(name)).content).size == (64, 48)


@in_reactor
async def test_of_what_is_none_nothing_is_started(tmp_path: Path) -> None:
    async with open_studio(tmp_path, _MAKE) as studio:
        await studio.opened.store("text.txt", encode(draw(), "PNG"))
        assert await refusal(studio.get("text.txt")) == "unsupported_media"
        assert await refusal(studio.get("nowhere")) == "file_not_found"
        assert count_starts(studio.starts) == 0


@in_reactor
async def test_made_once_for_each_content_and_size(tmp_path: Path) -> None:
    async with open_studio(tmp_path, _MAKE) as studio:
        await studio.opened.store("picture.png", b"content")
        await studio.opened.store("same.png", b"content")
        await studio.opened.store("other.png", b"another content")
        first, same = await studio.get(), await studio.get("same.png")
        assert (first.content, count_starts(studio.starts)) == (MADE, 1)
        assert same == first
        assert (await studio.get("other.png")).validator != first.validator
        assert count_starts(studio.starts) == 2
        studio.thumbnails.size = 65
        assert (await studio.get()).validator != first.validator
        assert count_starts(studio.starts) == 3
    async with open_studio(tmp_path, _MAKE) as studio:
        assert await studio.get() == first
        assert count_starts(studio.starts) == 3


@in_reactor
async def test_what_the_cache_has_lost_is_made_again(tmp_path: Path) -> None:
    async with open_studio(tmp_path, _MAKE) as studio:
        await studio.opened.store("picture.png", b"content")
        thumbnail = await studio.get()
        (tmp_path / "thumbnails" / thumbnail.validator).write_bytes(b"")
        assert await studio.get() == thumbnail
        assert count_starts(studio.starts) == 2


@in_reactor
async def test_asked_for_by_several_at_once_it_is_made_once(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    then = f"\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n{_MAKE}"
    async with open_studio(tmp_path, then) as studio:
        await studio.opened.store("picture.png", b"content")
        await studio.opened.store("same.png", b"content")
        waiting = [studio.get(name) for name in ("picture.png", "same.png") * 5]
        await until_there(studio.starts)
        # Those who leave take nothing from those who stay.
        for each in waiting[:4]:
            await fail(each)
        gate.touch()
        assert {(await each).content for each in waiting[4:]} == {MADE}
        assert count_starts(studio.starts) == 1


@in_reactor
async def test_a_file_that_is_gone_when_its_turn_comes_is_nobody_elses_matter(tmp_path: Path) -> None:
    """Others who wait for the same content may not see that file: they are not told of it, and have their own."""
    gate = tmp_path / "gate"
    then = f"\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n{_MAKE}"
    async with open_studio(tmp_path, then) as studio:
        await studio.opened.store("busy.png", b"what is made first")
        names = ("secret.png", "same.png", "replaced.png", "gone.png")
        for name in names:
            await studio.opened.store(name, b"content")
        busy = studio.get("busy.png")
        await until_there(studio.starts)
        secret = studio.get("secret.png")
        await until_waiting(studio, 2)
        same, replaced, gone = [studio.get(name) for name in names[1:]]
        await until_waiting(studio, 5)
        for name in ("secret.png", "gone.png"):
            await studio.opened.drive.discard(studio.opened.actor, parse_path(name))
        await studio.opened.store("replaced.png", b"another content")
        gate.touch()
        for asked, name in ((secret, "secret.png"), (gone, "gone.png")):
            with pytest.raises(CloudError, match=name) as refused:
                await asked
            assert refused.value.code == "file_not_found"
        made = [await each for each in (busy, same, replaced)]
        assert [each.content for each in made] == [MADE] * 3
        assert len({each.validator for each in made}) == 3


@in_reactor
async def test_when_the_last_leaves_it_is_given_up(tmp_path: Path) -> None:
    async with open_studio(tmp_path, "time.sleep(600)") as studio:
        await studio.opened.store("picture.png", b"content")
        waiting = [studio.get() for _ in range(3)]
        await until_there(studio.starts)
        [decoding] = studio.maker._running
        for each in waiting:
            assert not decoding.ended.called
            await fail(each)
        await decoding.ended
        # Who comes then gets a new one.
        studio.play(_MAKE)
        assert (await studio.get()).content == MADE
        assert count_starts(studio.starts) == 2


@in_reactor
async def test_all_who_wait_are_refused_each_with_an_error_of_its_own(tmp_path: Path) -> None:
    async with open_studio(tmp_path, "raise SystemExit(66)") as studio:
        await studio.opened.store("picture.png", b"content")
        waiting = [studio.get() for _ in range(3)]
        problems = []
        for each in waiting:
            with pytest.raises(CloudError, match="damaged") as caught:
                await each
            problems.append(caught.value)
        assert len({id(problem) for problem in problems}) == 3
        assert count_starts(studio.starts) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(64, "unsupported_media"), (65, "image_too_large"), (66, "image_damaged")]
)
@in_reactor
async def test_what_cannot_be_made_is_not_tried_again(tmp_path: Path, status: int, code: str) -> None:
    async with open_studio(tmp_path, f"raise SystemExit({status})") as studio:
        await studio.opened.store("picture.png", b"content")
        await studio.opened.store("same.png", b"content")
        for name in ("picture.png", "same.png", "picture.png"):
            assert await refusal(studio.get(name)) == code
        assert count_starts(studio.starts) == 1


@in_reactor
async def test_what_was_late_is_tried_again(tmp_path: Path) -> None:
    async with open_studio(tmp_path, "time.sleep(600)") as studio:
        await studio.opened.store("picture.png", b"content")
        studio.maker.seconds = 0.3
        assert await refusal(studio.get()) == "too_many_thumbnails"
        studio.maker.seconds = 30
        studio.play(_MAKE)
        assert (await studio.get()).content == MADE


@in_reactor
async def test_other_decoders_make_it_again(tmp_path: Path) -> None:
    """What one of them could not make, or made differently, is no reason for the next."""
    async with open_studio(tmp_path, "raise SystemExit(66)") as studio:
        await studio.opened.store("picture.png", b"content")
        assert await refusal(studio.get()) == "image_damaged"
        studio.maker.version = "another"
        studio.play(_MAKE)
        assert (await studio.get()).validator.endswith("-64-another")
        assert (await studio.get()).content == MADE
        studio.maker.version = "a third"
        assert (await studio.get()).content == MADE
        assert count_starts(studio.starts) == 3


@pytest.mark.parametrize("name", ["song.mp3", "song.flac", "song.m4a", "song.ogg", "song.wav"])
@in_reactor
async def test_sound_may_have_a_cover(tmp_path: Path, name: str) -> None:
    async with open_studio(tmp_path, _MAKE) as studio:
        await studio.opened.store(name, b"content")
        assert (await studio.get(name)).content == MADE


@in_reactor
async def test_only_so_many_refusals_are_remembered(tmp_path: Path) -> None:
    async with open_studio(tmp_path, "raise SystemExit(66)") as studio:
        studio.thumbnails.remembered = 2
        for name, starts in (("a", 1), ("b", 2), ("a", 2), ("c", 3), ("b", 3), ("c", 3), ("a", 4)):
            await studio.opened.store(name, name.encode())
            assert await refusal(studio.get(name)) == "image_damaged"
            assert count_starts(studio.starts) == starts


@in_reactor
async def test_a_file_that_the_store_has_lost(tmp_path: Path) -> None:
    async with open_studio(tmp_path, _MAKE) as studio:
        stored = await studio.opened.store("picture.png", b"content")
        await studio.opened.storage.blobs.delete([stored.file.version.blob.id])
        assert await refusal(studio.get()) == "storage_failed"
        assert count_starts(studio.starts) == 0


@in_reactor
async def test_that_no_process_can_be_started_is_not_remembered(tmp_path: Path) -> None:
    async with open_studio(tmp_path, _MAKE) as studio:
        await studio.opened.store("picture.png", b"content")
        studio.maker.command = (str(tmp_path / "no program"),)
        assert await refusal(studio.get()) == "too_many_thumbnails"
        studio.play(_MAKE)
        assert (await studio.get()).content == MADE
