"""Sources of uploads: whole, or not sent to their end."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cloudsvc.client.effects import Answer, Source
from cloudsvc.client.errors import ChangedError, DamagedError, LocalError
from cloudsvc.client.retrying import RetryPolicy
from cloudsvc.client.sources import BLOCK, Watched, as_source
from cloudsvc.client.uploads import upload
from tests.support.scripted_answers import Script

LARGE = bytes(range(256)) * (3 * BLOCK // 256) + b"end"


def watch(source: Source) -> Watched:
    return Watched(source=source, length=source.length, progress=None)


def send(source: Source) -> tuple[list[bytes], Exception | None]:
    """The pieces that are sent, and what ends the sending."""
    pieces: list[bytes] = []
    try:
        pieces.extend(watch(source).open())
    except (ChangedError, LocalError) as problem:
        return pieces, problem
    return pieces, None


@pytest.mark.parametrize("content", [b"", b"x", LARGE])
def test_all_of_a_file_is_sent(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    for source in (as_source(tmp_path / "file"), as_source(content), as_source(io.BytesIO(content))):
        told: list[int] = []
        watched = Watched(source=source, length=source.length, progress=told.append)
        assert b"".join(watched.open()) == content
        assert watched.digest == hashlib.sha256(content).hexdigest()
        assert told == sorted(told)
        assert told[-1] == len(content)


def test_it_can_be_sent_again_from_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(LARGE)
    watched = watch(as_source(tmp_path / "file"))
    assert next(iter(watched.open()))
    assert watched.rewindable
    assert b"".join(watched.open()) == LARGE
    assert not as_source([b"x"]).rewindable


@pytest.mark.parametrize("change", [b"more", b""])
def test_a_file_that_changes_is_never_sent_whole(tmp_path: Path, change: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(LARGE)
    pieces = watch(as_source(file)).open()
    sent = len(next(pieces))
    with file.open("r+b") as stream:
        stream.truncate(BLOCK * 2 if not change else None)
        stream.seek(0, io.SEEK_END)
        stream.write(change)
    with pytest.raises(ChangedError):
        sent += sum(map(len, pieces))
    assert sent < len(LARGE)


def test_a_file_that_is_written_in_place_is_never_sent_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(LARGE)
    pieces = watch(as_source(file)).open()
    sent = len(next(pieces))
    with file.open("r+b") as stream:
        stream.write(b"other")
    os.utime(file, ns=(0, 0))
    with pytest.raises(ChangedError):
        sent += sum(map(len, pieces))
    assert sent < len(LARGE)


@pytest.mark.parametrize(
    "pieces", [[b"abcd"], [b"abc", b"d"], [b"ab"], [], [b"ab", b""], [b"a", b"b", b"c", b"d"], [b"", b"ab", b""]]
)
def test_pieces_of_another_length_than_was_said(pieces: Iterable[bytes]) -> None:
    sent, problem = send(as_source(pieces, 3))
    assert isinstance(problem, ChangedError)
    assert sum(map(len, sent)) < 3


def test_what_cannot_be_read(tmp_path: Path) -> None:
    for place, message in ((tmp_path / "none", "No such file"), (tmp_path, "no regular file")):
        with pytest.raises(LocalError, match=message):
            watch(as_source(place))


def test_what_a_server_keeps_is_compared_with_what_was_sent() -> None:
    class Sending(Script):
        def _answer(self, call: object) -> Answer:
            answer = super()._answer(call)  # type: ignore[arg-type]  # whatever it is
            [*_] = self.asked[-1].content.open()  # type: ignore[union-attr]  # a source
            return answer

    headers = {"etag": '"t"', "repr-digest": "sha-256=:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:"}
    script = Sending([Answer(status=201, headers=headers)])
    with pytest.raises(DamagedError, match="not what was sent"):
        script.run(upload(as_source(b"x"), "a", RetryPolicy()))


def test_a_source_says_what_went_wrong() -> None:
    def fail() -> Iterator[bytes]:
        yield b"x"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(watch(as_source(fail())).open())
